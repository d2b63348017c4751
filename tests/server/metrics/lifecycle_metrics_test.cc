#include "server/metrics/lifecycle_metrics.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LifecycleMetricsTest : public ::testing::Test {
 protected:
  // A version of "m" that has changed to `state`.
  void Change(int64_t version, ModelState state, bool current, bool name_serves) {
    ModelChange change;
    change.model.name = "m";
    change.model.version = version;
    change.model.state = state;
    if (state != ModelState::kLoading) {
      change.model.facts.emplace();
      change.model.facts->assigned_bytes = 100 * version;
    }
    change.model.load_time = absl::Seconds(version);
    change.model.current = current;
    change.name_serves = name_serves;
    lifecycle_.OnModelChange(change);
  }
  void Remove(int64_t version, ModelState state, bool name_exists) {
    ModelChange change;
    change.type = ModelChangeType::kRemoved;
    change.model.name = "m";
    change.model.version = version;
    change.model.state = state;
    change.name_exists = name_exists;
    change.name_serves = name_exists;
    lifecycle_.OnModelChange(change);
  }
  void ExpectLine(const std::string& line) {
    EXPECT_THAT(metrics_.Render(), HasSubstr(absl::StrCat("\nfirstlight_", line, "\n")));
  }

  absl::Time now_ = absl::UnixEpoch();
  Metrics metrics_{Metrics::Options{}};
  LifecycleMetrics lifecycle_{&metrics_, [this] { return now_; }};
};

TEST_F(LifecycleMetricsTest, ALoadCountsOnceItServes) {
  Change(1, ModelState::kLoading, true, false);
  ExpectLine("model_serving{model=\"m\"} 0");
  ExpectLine("load_duration_seconds_count 0");
  Change(1, ModelState::kActive, true, true);
  Change(1, ModelState::kActive, true, true);
  ExpectLine("model_serving{model=\"m\"} 1");
  ExpectLine("load_duration_seconds_count 1");
  ExpectLine("load_duration_seconds_sum 1");
  ExpectLine("model_load_seconds{model=\"m\"} 1");
  ExpectLine("weight_bytes{disposition=\"assigned\",model=\"m\"} 100");
}

TEST_F(LifecycleMetricsTest, ALoadThatFailsDoesNotCount) {
  Change(1, ModelState::kLoading, true, false);
  Change(1, ModelState::kFailed, true, false);
  ExpectLine("model_serving{model=\"m\"} 0");
  ExpectLine("load_duration_seconds_count 0");
}

TEST_F(LifecycleMetricsTest, ASwapLeavesTheSeriesAndTimesTheDrain) {
  Change(1, ModelState::kLoading, true, false);
  Change(1, ModelState::kActive, true, true);
  Change(2, ModelState::kLoading, false, true);
  Change(2, ModelState::kActive, true, true);
  ExpectLine("weight_bytes{disposition=\"assigned\",model=\"m\"} 200");
  Change(1, ModelState::kDraining, false, true);
  now_ += absl::Seconds(3);
  Change(1, ModelState::kDraining, false, true);
  now_ += absl::Seconds(4);
  Remove(1, ModelState::kDraining, /*name_exists=*/true);
  ExpectLine("drain_duration_seconds_sum 7");
  ExpectLine("drain_duration_seconds_count 1");
  ExpectLine("model_serving{model=\"m\"} 1");
  ExpectLine("load_duration_seconds_sum 3");
}

TEST_F(LifecycleMetricsTest, TheSeriesGoWithTheName) {
  Change(1, ModelState::kLoading, true, false);
  Change(1, ModelState::kActive, true, true);
  Remove(1, ModelState::kActive, /*name_exists=*/false);
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr("model=\"m\"")));
  ExpectLine("drain_duration_seconds_count 0");
}

}  // namespace
}  // namespace firstlight
