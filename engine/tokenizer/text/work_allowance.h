#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_WORK_ALLOWANCE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_WORK_ALLOWANCE_H_

// What a component may spend over many small inputs, so that one that is slow on each of them does
// not cost the sum: time is earned with the inputs, saved up to a limit, and spent by what was
// measured. It begins with all that may be saved.
//
// Any thread may call it.

#include <algorithm>
#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"

namespace firstlight {

class WorkAllowance {
 public:
  struct Rates {
    absl::Duration at_most;
    absl::Duration per_input;
    absl::Duration per_byte;
  };

  explicit WorkAllowance(const Rates& rates) : rates_(rates), saved_(rates.at_most) {}

  // Earns what an input of `bytes` bytes is worth. How long it may take: nothing, or less, while
  // what the ones before it took is not paid off.
  absl::Duration Earn(size_t bytes) {
    const absl::Duration worth = rates_.per_input + rates_.per_byte * static_cast<double>(bytes);
    const MutexLock lock(&mutex_);
    saved_ = std::min(saved_ + worth, std::max(rates_.at_most, worth));
    return saved_;
  }

  void Spend(absl::Duration spent) {
    const MutexLock lock(&mutex_);
    saved_ -= spent;
  }

 private:
  const Rates rates_;
  Mutex mutex_;
  absl::Duration saved_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_WORK_ALLOWANCE_H_
