#include "engine/scheduling/step_gaps.h"

#include <algorithm>
#include <utility>

namespace firstlight {

void StepGaps::OnStep(absl::Time begin, absl::Time end) {
  const std::optional<absl::Time> last_end = std::exchange(last_end_, end);
  if (!last_end.has_value()) return;
  const absl::Duration gap = std::max(begin - *last_end, absl::ZeroDuration());
  const auto bucket = static_cast<size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), absl::ToDoubleSeconds(gap)) -
      kBounds.begin());
  MutexLock lock(&mutex_);
  ++total_.counts[bucket];
  total_.sum += gap;
  if (begin - window_begin_ >= kWindow) {
    longest_before_ = begin - window_begin_ < 2 * kWindow ? longest_ : absl::ZeroDuration();
    longest_ = absl::ZeroDuration();
    window_begin_ = begin;
  }
  longest_ = std::max(longest_, gap);
}

StepGaps::Reading StepGaps::Read(absl::Time now) const {
  MutexLock lock(&mutex_);
  Reading reading = total_;
  const absl::Duration age = now - window_begin_;
  if (age < 2 * kWindow) reading.longest = longest_;
  if (age < kWindow) reading.longest = std::max(reading.longest, longest_before_);
  return reading;
}

}  // namespace firstlight
