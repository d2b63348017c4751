#include "server/metrics/memory_metrics.h"

#include <prometheus/registry.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/exposition.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MemoryMetricsTest : public ::testing::Test {
 protected:
  std::string Render() const { return ExposeText(registry_.Collect()); }

  prometheus::Registry registry_;
  MemoryMetrics metrics_{&registry_};
};

TEST_F(MemoryMetricsTest, WhatIsNotToldIsAbsent) {
  metrics_.Set(MemoryPressure());
  EXPECT_EQ(Render(), "");
  MemoryPressure pressure;
  pressure.used_bytes = 5;
  metrics_.Set(pressure);
  EXPECT_THAT(Render(), HasSubstr("\nfirstlight_cgroup_memory_used_bytes 5\n"));
  EXPECT_THAT(Render(), Not(HasSubstr("limit_bytes")));
  metrics_.Set(MemoryPressure());
  EXPECT_EQ(Render(), "");
}

TEST_F(MemoryMetricsTest, EverythingThatThereIs) {
  MemoryPressure pressure;
  pressure.limit_bytes = 1;
  pressure.used_bytes = 2;
  pressure.file_refaults = 3;
  pressure.limit_hits = 4;
  pressure.oom_kills = 5;
  pressure.some = {.total_microseconds = 6'500'000};
  pressure.full = {.total_microseconds = 7};
  metrics_.Set(pressure);
  const std::string scrape = Render();
  for (const char* line :
       {"firstlight_cgroup_memory_limit_bytes 1\n", "firstlight_cgroup_memory_used_bytes 2\n",
        "firstlight_cgroup_page_refaults_total 3\n",
        "firstlight_cgroup_memory_limit_hits_total 4\n", "firstlight_cgroup_oom_kills_total 5\n",
        "firstlight_memory_pressure_seconds_total{kind=\"some\"} 6.5\n",
        "firstlight_memory_pressure_seconds_total{kind=\"full\"} 0.000007\n"}) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
}

TEST_F(MemoryMetricsTest, ACounterFollowsTheSystemsDownwardsToo) {
  MemoryPressure pressure;
  for (const int64_t refaults : {100, 250, 250, 30}) {
    pressure.file_refaults = refaults;
    metrics_.Set(pressure);
    EXPECT_THAT(Render(), HasSubstr("refaults_total " + std::to_string(refaults) + "\n"));
  }
}

}  // namespace
}  // namespace firstlight
