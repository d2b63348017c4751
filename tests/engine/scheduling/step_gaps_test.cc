#include "engine/scheduling/step_gaps.h"

#include <numeric>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

absl::Time At(absl::Duration since) { return absl::UnixEpoch() + since; }

int64_t Count(const StepGaps::Reading& reading) {
  return std::accumulate(reading.counts.begin(), reading.counts.end(), int64_t{0});
}

TEST(StepGapsTest, AGapIsFromTheEndOfAStepToTheBeginOfTheNext) {
  StepGaps gaps;
  gaps.OnStep(At(absl::Seconds(1)), At(absl::Seconds(2)));
  EXPECT_EQ(Count(gaps.Read(At(absl::Seconds(2)))), 0);
  gaps.OnStep(At(absl::Seconds(2) + absl::Milliseconds(3)), At(absl::Seconds(4)));
  gaps.OnStep(At(absl::Seconds(4) + absl::Milliseconds(1)), At(absl::Seconds(5)));
  const StepGaps::Reading reading = gaps.Read(At(absl::Seconds(5)));
  EXPECT_EQ(Count(reading), 2);
  EXPECT_EQ(reading.counts[6], 1);  // a bound belongs to its bucket: at most 1 ms
  EXPECT_EQ(reading.counts[8], 1);  // at most 5 ms
  EXPECT_EQ(reading.sum, absl::Milliseconds(4));
  EXPECT_EQ(reading.longest, absl::Milliseconds(3));
}

TEST(StepGapsTest, ATimeWithoutWorkIsNoGap) {
  StepGaps gaps;
  gaps.OnStep(At(absl::Seconds(1)), At(absl::Seconds(2)));
  gaps.OnIdle();
  gaps.OnStep(At(absl::Seconds(9)), At(absl::Seconds(10)));
  EXPECT_EQ(Count(gaps.Read(At(absl::Seconds(10)))), 0);
}

TEST(StepGapsTest, AGapBeyondTheLastBoundIsCounted) {
  StepGaps gaps;
  gaps.OnStep(At(absl::Seconds(1)), At(absl::Seconds(2)));
  gaps.OnStep(At(absl::Seconds(5)), At(absl::Seconds(6)));
  EXPECT_EQ(gaps.Read(At(absl::Seconds(6))).counts.back(), 1);
}

TEST(StepGapsTest, TheLongestIsForgottenAfterTwoWindows) {
  StepGaps gaps;
  const auto step = [&](absl::Duration begin, absl::Duration gap) {
    gaps.OnIdle();
    gaps.OnStep(At(begin - gap), At(begin - gap));
    gaps.OnStep(At(begin), At(begin));
  };
  const absl::Duration start = absl::Hours(1);
  step(start, absl::Milliseconds(9));
  step(start + StepGaps::kWindow, absl::Milliseconds(2));
  EXPECT_EQ(gaps.Read(At(start + StepGaps::kWindow)).longest, absl::Milliseconds(9));
  step(start + 2 * StepGaps::kWindow, absl::Milliseconds(1));
  EXPECT_EQ(gaps.Read(At(start + 2 * StepGaps::kWindow)).longest, absl::Milliseconds(2));
  // Nothing ran meanwhile.
  EXPECT_EQ(gaps.Read(At(start + 3 * StepGaps::kWindow)).longest, absl::Milliseconds(1));
  EXPECT_EQ(gaps.Read(At(start + 4 * StepGaps::kWindow)).longest, absl::ZeroDuration());
}

}  // namespace
}  // namespace firstlight
