#include "server/metrics/metrics.h"

#include <map>
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
  for (const char* line :
       {"firstlight_requests_total{code=\"OK\",method=\"Generate\"} 0\n",
        "firstlight_sequences_limit{state=\"running\"} 64\n",
        "firstlight_sequences_limit{state=\"waiting\"} 256\n",
        "firstlight_load_duration_seconds_count 0\n", "firstlight_swap_duration_seconds_count 0\n",
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
  Metrics::Reading reading;
  reading.models["m"] = {.running = 3, .waiting = 4, .detached = true};
  reading.models["unknown"] = {.running = 9};
  reading.kv_cache_capacity_bytes = 10;
  metrics.SetReader([&] { return reading; });
  const std::string scrape = metrics.Render();
  for (const char* line :
       {"firstlight_weight_bytes{disposition=\"assigned\",model=\"m\"} 5\n",
        "firstlight_weight_bytes{disposition=\"tied\",model=\"m\"} 7\n",
        "firstlight_weights_size_bytes{model=\"m\"} 5\n",
        "firstlight_model_load_seconds{model=\"m\"} 2\n",
        "firstlight_model_serving{model=\"m\"} 1\n", "firstlight_model_detached{model=\"m\"} 1\n",
        "firstlight_sequences{model=\"m\",state=\"running\"} 3\n",
        "firstlight_sequences{model=\"m\",state=\"waiting\"} 4\n",
        "firstlight_kv_cache_capacity_bytes 10\n",
        "firstlight_time_to_first_token_seconds_count{model=\"m\",residency=\"cold\"} 0\n",
        "firstlight_time_to_first_token_seconds_count{model=\"m\",residency=\"mapped\"} 0\n",
        "firstlight_time_to_first_token_seconds_count{model=\"m\",residency=\"warm\"} 0\n",
        "firstlight_queue_seconds_count{model=\"m\",residency=\"warm\"} 0\n",
        "firstlight_inter_token_latency_seconds_count{model=\"m\",phase=\"steady\",residency="
        "\"cold\"} 0\n",
        "firstlight_swaps_total{model=\"m\",result=\"failed\"} 0\n",
        "firstlight_weights_read_bytes_total{model=\"m\"} 0\n",
        "firstlight_generated_tokens_total{model=\"m\"} 0\n"}) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
  EXPECT_THAT(scrape, Not(HasSubstr("unknown")));
  metrics.RemoveModel("m");
  EXPECT_THAT(metrics.Render(), Not(HasSubstr("model=\"m\"")));
  EXPECT_EQ(metrics.ForModel("m").queue[0], nullptr);
}

TEST(MetricsTest, WhatIsNotKnownOfAModelIsAbsent) {
  Metrics metrics(SomeOptions());
  metrics.AddModel("m");
  Metrics::Reading reading;
  metrics.SetReader([&] { return reading; });
  for (const char* family :
       {"last_used", "weights_mapped", "weights_resident", "residency_sample", "residency_probe"}) {
    EXPECT_THAT(metrics.Render(), Not(HasSubstr(std::string("firstlight_") + family)));
  }
  reading.residency_method = "pagemap";
  reading.models["m"].residency_sampled = absl::FromUnixSeconds(1000);
  reading.models["m"].mapped_bytes = 3;
  std::string scrape = metrics.Render();
  EXPECT_THAT(scrape, HasSubstr("firstlight_residency_probe_info{method=\"pagemap\"} 1\n"));
  EXPECT_THAT(scrape, HasSubstr("_residency_sample_timestamp_seconds{model=\"m\"} 1000\n"));
  EXPECT_THAT(scrape, HasSubstr("firstlight_weights_mapped_bytes{model=\"m\"} 3\n"));
  EXPECT_THAT(scrape, Not(HasSubstr("weights_resident")));

  reading.residency_method = "pagemap+mincore";
  reading.models["m"].resident_bytes = 0;
  reading.models["m"].versions[1].last_used = absl::FromUnixSeconds(7);
  scrape = metrics.Render();
  EXPECT_THAT(scrape, HasSubstr("_probe_info{method=\"pagemap+mincore\"} 1\n"));
  EXPECT_THAT(scrape, Not(HasSubstr("{method=\"pagemap\"}")));
  EXPECT_THAT(scrape, HasSubstr("firstlight_weights_resident_bytes{model=\"m\"} 0\n"));
  EXPECT_THAT(scrape, HasSubstr("_last_used_timestamp_seconds{model=\"m\"} 7\n"));

  // The name was used, whichever version it was.
  reading.models["m"].versions.clear();
  reading.models["m"].versions[2].last_used = std::nullopt;
  EXPECT_THAT(metrics.Render(), HasSubstr("_last_used_timestamp_seconds{model=\"m\"} 7\n"));

  reading.models.clear();
  EXPECT_THAT(metrics.Render(), Not(HasSubstr("weights_mapped")));
}

TEST(MetricsTest, TotalsAddUpOverTheVersionsOfAName) {
  Metrics metrics(SomeOptions());
  metrics.AddModel("m");
  Metrics::Reading reading;
  metrics.SetReader([&] { return reading; });
  const auto expect_read = [&](const std::string& bytes) {
    EXPECT_THAT(metrics.Render(),
                HasSubstr("firstlight_weights_read_bytes_total{model=\"m\"} " + bytes + "\n"));
  };
  std::map<int64_t, VersionTotals>& versions = reading.models["m"].versions;
  versions[1] = {
      .weights_read_bytes = 100, .steady_tokens = 8, .steady_time = absl::Milliseconds(2500)};
  expect_read("100");
  expect_read("100");
  EXPECT_THAT(metrics.Render(), HasSubstr("_steady_generated_tokens_total{model=\"m\"} 8\n"));
  EXPECT_THAT(metrics.Render(), HasSubstr("_steady_decode_seconds_total{model=\"m\"} 2.5\n"));

  versions[2].weights_read_bytes = 30;
  expect_read("130");
  // What it has read since the last scrape counts, too.
  metrics.RetireVersion("m", 1, {.weights_read_bytes = 105});
  versions.erase(1);
  expect_read("135");
  versions[2].weights_read_bytes = 31;
  expect_read("136");
  // A reading that was taken before the last one and comes after it.
  versions[2].weights_read_bytes = 30;
  expect_read("136");
}

TEST(MetricsTest, SwapsCountByResultAndTimeThoseThatSwitched) {
  Metrics metrics(SomeOptions());
  metrics.AddModel("m");
  metrics.RecordSwap("m", absl::OkStatus(), absl::Seconds(2));
  metrics.RecordSwap("m", absl::NotFoundError(""), absl::Seconds(100));
  metrics.RecordSwap("m", absl::InvalidArgumentError(""), absl::Seconds(100));
  metrics.RecordSwap("m", absl::CancelledError(""), absl::Seconds(100));
  metrics.RecordRollback("m");
  metrics.RecordRollback("unknown");
  const std::string scrape = metrics.Render();
  for (const char* line :
       {"firstlight_swaps_total{model=\"m\",result=\"switched\"} 1\n",
        "firstlight_swaps_total{model=\"m\",result=\"failed\"} 2\n",
        "firstlight_swaps_total{model=\"m\",result=\"cancelled\"} 1\n",
        "firstlight_swaps_total{model=\"m\",result=\"rolled_back\"} 1\n",
        "firstlight_swap_duration_seconds_sum 2\n", "firstlight_swap_duration_seconds_count 1\n"}) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
}

}  // namespace
}  // namespace firstlight
