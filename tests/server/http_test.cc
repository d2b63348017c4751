#include "server/http.h"

#include "gtest/gtest.h"
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

}  // namespace
}  // namespace firstlight
