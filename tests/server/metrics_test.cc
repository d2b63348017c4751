#include "server/metrics.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Metrics::Options SomeOptions() {
  return {.isa = "avx2", .methods = {"Generate"}, .max_sequences = 64, .max_queue = 256};
}

TEST(MetricsTest, SeriesOfTheProcessAreThereFromTheStart) {
  Metrics metrics(SomeOptions());
  const std::string scrape = metrics.Render();
  for (const char* line : {"firstlight_requests_total{code=\"OK\",method=\"Generate\"} 0\n",
                           "firstlight_sequences_limit{state=\"running\"} 64\n",
                           "firstlight_sequences_limit{state=\"waiting\"} 256\n",
                           "firstlight_load_duration_seconds_count 0\n",
                           "firstlight_drain_duration_seconds_count 0\n"}) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
  EXPECT_THAT(scrape, Not(HasSubstr("model=\"")));
}

TEST(MetricsTest, SeriesOfAModelComeWithItAndGoWithIt) {
  Metrics metrics(SomeOptions());
  metrics.AddModel("m");
  metrics.SetModelFacts(
      "m", {.architecture = "", .assigned_bytes = 5, .copied_bytes = 6, .tied_bytes = 7},
      absl::Seconds(2));
  metrics.SetServing("m", true);
  metrics.SetReader([] {
    Metrics::Reading reading;
    reading.sequences["m"] = {.running = 3, .waiting = 4};
    reading.kv_cache_capacity_bytes = 10;
    return reading;
  });
  const std::string scrape = metrics.Render();
  for (const char* line : {"firstlight_weight_bytes{disposition=\"assigned\",model=\"m\"} 5\n",
                           "firstlight_weight_bytes{disposition=\"tied\",model=\"m\"} 7\n",
                           "firstlight_model_load_seconds{model=\"m\"} 2\n",
                           "firstlight_model_serving{model=\"m\"} 1\n",
                           "firstlight_sequences{model=\"m\",state=\"running\"} 3\n",
                           "firstlight_sequences{model=\"m\",state=\"waiting\"} 4\n",
                           "firstlight_kv_cache_capacity_bytes 10\n",
                           "firstlight_time_to_first_token_seconds_count{model=\"m\"} 0\n",
                           "firstlight_generated_tokens_total{model=\"m\"} 0\n"}) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
  metrics.RemoveModel("m");
  EXPECT_THAT(metrics.Render(), Not(HasSubstr("model=\"m\"")));
  EXPECT_EQ(metrics.ForModel("m").queue, nullptr);
}

}  // namespace
}  // namespace firstlight
