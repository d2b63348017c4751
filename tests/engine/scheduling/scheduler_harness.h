#ifndef FIRSTLIGHT_TESTS_ENGINE_SCHEDULING_SCHEDULER_HARNESS_H_
#define FIRSTLIGHT_TESTS_ENGINE_SCHEDULING_SCHEDULER_HARNESS_H_

// A scheduler with real models (the checkpoints of tests/golden), stepped by hand on one thread,
// with a clock that stands still until it is moved.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "engine/kv_cache/block_pool.h"
#include "engine/model.h"
#include "engine/scheduling/clock.h"
#include "engine/scheduling/layer_gate.h"
#include "engine/scheduling/scheduler.h"
#include "engine/workers/worker_pool.h"
#include "tests/engine/golden.h"
#include "tests/engine/recording_observer.h"

namespace firstlight {

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration duration) { now_ += duration; }

 private:
  absl::Time now_ = absl::UnixEpoch() + absl::Hours(400'000);
};

// Layers are closed by hand.
class FakeGate final : public LayerGate {
 public:
  bool IsOpen(const Model& model, int64_t layer) override {
    return !closed_.contains({&model, layer});
  }
  void Close(const Model* model, int64_t layer) { closed_.insert({model, layer}); }
  void Open(const Model* model, int64_t layer) { closed_.erase({model, layer}); }

 private:
  std::set<std::pair<const Model*, int64_t>> closed_;
};

class SchedulerHarness {
 public:
  struct Options {
    int64_t kv_cache_bytes = int64_t{64} << 20;
    int64_t max_sequences = 64;
    int64_t step_tokens = 512;
    LayerGate* gate = nullptr;
  };

  struct Submitted {
    RequestId id = 0;
    std::shared_ptr<RecordingObserver> observer;
  };

  explicit SchedulerHarness(const Options& options);
  ~SchedulerHarness();

  std::shared_ptr<Model> Load(const Golden& golden,
                              std::optional<int64_t> context_length = std::nullopt,
                              int64_t max_activation_bytes = kMaxActivationBytes);

  std::shared_ptr<Model> Load(const std::string& directory, PrefetchPolicy prefetch);

  // Adds a request whose prompt is the ids of `options.input`, tokenized already.
  Submitted Submit(const std::shared_ptr<Model>& model, GenerationRequest options);
  // As Submit, with the prompt still to come.
  Submitted SubmitUntokenized(const std::shared_ptr<Model>& model, GenerationRequest options);

  // Steps until there is nothing to run; returns how many steps did something. Fails the test and
  // stops after `limit`.
  int64_t RunUntilIdle(int64_t limit = 100'000);

  Scheduler& scheduler() { return *scheduler_; }
  FakeClock& clock() { return clock_; }
  const BlockPool& pool() const { return pool_; }
  int64_t ended_sequences() const { return ended_sequences_; }

 private:
  FakeClock clock_;
  BlockPool pool_;
  WorkerPool workers_;
  const Kernels* kernels_ = nullptr;
  int64_t ended_sequences_ = 0;
  RequestId next_id_ = 1;
  std::unique_ptr<Scheduler> scheduler_;
};

// The golden's prompt, greedily for `max_tokens`, past any end-of-sequence token.
GenerationRequest GreedyRequest(const Golden& golden, int64_t max_tokens);

// The first `count` of `values`.
std::vector<int32_t> First(const std::vector<int32_t>& values, int64_t count);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_SCHEDULING_SCHEDULER_HARNESS_H_
