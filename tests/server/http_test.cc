#include "server/http.h"

#include "gtest/gtest.h"
#include "server/metrics.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/http_get.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

TEST(HttpTest, MetricsAndHealth) {
  absl::Status health = absl::OkStatus();
  const auto server = HttpServer::Create({.address = "127.0.0.1:0",
                                          .metrics = [] { return "a_metric 1\n"; },
                                          .healthy = [&] { return health; }});
  ASSERT_THAT(server, IsOk());
  const std::string& address = (*server)->address();
  EXPECT_EQ(HttpGet(address, "/metrics").status, 200);
  EXPECT_EQ(HttpGet(address, "/metrics").body, "a_metric 1\n");
  EXPECT_EQ(HttpGet(address, "/healthz").status, 200);
  health = absl::UnavailableError("draining");
  EXPECT_EQ(HttpGet(address, "/healthz").status, 503);
  EXPECT_EQ(HttpGet(address, "/healthz").body, "draining\n");
  EXPECT_EQ(HttpGet(address, "/etc/passwd").status, 404);
  EXPECT_EQ(HttpGet(address, "/").status, 404);
}

TEST(HttpTest, APortInUseIsAnError) {
  const HttpServer::Options options = {.address = "127.0.0.1:0",
                                       .metrics = [] { return ""; },
                                       .healthy = [] { return absl::OkStatus(); }};
  const auto first = HttpServer::Create(options);
  ASSERT_THAT(first, IsOk());
  HttpServer::Options again = options;
  again.address = (*first)->address();
  EXPECT_THAT(HttpServer::Create(again),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(again.address)));
}

TEST(MetricsTest, SeriesOfAModelComeWithItAndGoWithIt) {
  Metrics metrics("avx2", {"Generate"});
  EXPECT_THAT(metrics.Render(), HasSubstr("firstlight_requests_total{code=\"OK\",method="
                                          "\"Generate\"} 0"));
  EXPECT_THAT(metrics.Render(), ::testing::Not(HasSubstr("model=\"m\"")));
  metrics.AddModel("m");
  metrics.SetModelFacts(
      "m", {.architecture = "", .assigned_bytes = 5, .copied_bytes = 6, .tied_bytes = 7},
      absl::Seconds(2));
  metrics.SetReader([] {
    Metrics::Reading reading;
    reading.sequences["m"] = {.running = 3, .waiting = 4};
    reading.kv_cache_capacity_bytes = 10;
    return reading;
  });
  for (const char* line : {"firstlight_weight_bytes{disposition=\"assigned\",model=\"m\"} 5",
                           "firstlight_weight_bytes{disposition=\"tied\",model=\"m\"} 7",
                           "firstlight_model_load_seconds{model=\"m\"} 2",
                           "firstlight_sequences{model=\"m\",state=\"running\"} 3",
                           "firstlight_sequences{model=\"m\",state=\"waiting\"} 4",
                           "firstlight_kv_cache_capacity_bytes 10",
                           "firstlight_time_to_first_token_seconds_count{model=\"m\"} 0",
                           "firstlight_generated_tokens_total{model=\"m\"} 0"}) {
    EXPECT_THAT(metrics.Render(), HasSubstr(line));
  }
  metrics.RemoveModel("m");
  EXPECT_THAT(metrics.Render(), ::testing::Not(HasSubstr("model=\"m\"")));
  EXPECT_EQ(metrics.ForModel("m").queue, nullptr);
}

}  // namespace
}  // namespace firstlight
