#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_STEP_TOTALS_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_STEP_TOTALS_H_

// What the steps of a model have produced in steady state, since it was loaded.
//
// A step is steady when it decodes (at least one sequence that has its first token computes its
// next) and was not held up: no gate of it was closed, and no worker read from storage.
// Its tokens are those of the sequences that decoded; its time is that of the whole step, prompt
// chunks in it, sampling and delivery included. Tokens by time is thus what a model's streams get
// together on this machine while nothing is cold, whatever the load.
//
// Thread-safe: the engine's thread adds, any thread reads. The two are read one after the other, so
// that they may differ by a step.

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace firstlight {

class StepTotals {
 public:
  void AddSteadyStep(int64_t tokens, absl::Duration time) {
    steady_tokens_.fetch_add(tokens, std::memory_order_relaxed);
    steady_nanoseconds_.fetch_add(absl::ToInt64Nanoseconds(time), std::memory_order_relaxed);
  }

  int64_t steady_tokens() const { return steady_tokens_.load(std::memory_order_relaxed); }
  absl::Duration steady_time() const {
    return absl::Nanoseconds(steady_nanoseconds_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<int64_t> steady_tokens_ = 0;
  std::atomic<int64_t> steady_nanoseconds_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_STEP_TOTALS_H_
