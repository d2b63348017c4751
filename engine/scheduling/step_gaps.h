#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_STEP_GAPS_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_STEP_GAPS_H_

// How long the workers stood still between two steps although there was work: what the engine's
// thread does there (commands, admissions, letting go of what has ended), and what holds it up. A
// pause with nothing to run, or with every gate closed, is none.
//
// One thread records, any reads. Recording is a few nanoseconds.

#include <array>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "loader/base/mutex.h"

namespace firstlight {

class StepGaps {
 public:
  // Upper bounds of the buckets but the last, which has none. Unit: seconds.
  static constexpr std::array<double, 13> kBounds = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025,
                                                     0.0005,  0.001,    0.0025,  0.005,  0.01,
                                                     0.025,   0.1,      1};
  // How far back `longest` looks, at least; at most twice that.
  static constexpr absl::Duration kWindow = absl::Minutes(1);

  struct Reading {
    std::array<int64_t, kBounds.size() + 1> counts = {};  // since the start, of each bucket alone
    absl::Duration sum;                                   // since the start
    absl::Duration longest;                               // within the window
  };

  // A step ran from `begin` to `end`.
  void OnStep(absl::Time begin, absl::Time end);
  // There is nothing to run.
  void OnIdle() { last_end_.reset(); }

  Reading Read(absl::Time now) const;

 private:
  std::optional<absl::Time> last_end_;  // of the thread that records

  mutable Mutex mutex_;
  Reading total_ ABSL_GUARDED_BY(mutex_);
  // Of the window that began at `window_begin_`, and of the one before it.
  absl::Time window_begin_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Duration longest_ ABSL_GUARDED_BY(mutex_);
  absl::Duration longest_before_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_STEP_GAPS_H_
