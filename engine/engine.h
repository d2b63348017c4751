#ifndef FIRSTLIGHT_ENGINE_ENGINE_H_
#define FIRSTLIGHT_ENGINE_ENGINE_H_

// The engine of a process: workers, KV cache budget, tokenizing threads and the scheduler's
// thread, shared by all models.
//
// A request goes admission (bounded queue) -> tokenize (off the caller's thread) -> validation
// against its model -> waiting -> running batch -> events to its observer. Requests wait; they are
// refused only when the queue is full or when they could never fit.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/generation.h"
#include "engine/kernels/kernels.h"
#include "engine/model.h"
#include "engine/residency/prefetch_policy.h"
#include "engine/residency/weight_gate.h"
#include "engine/scheduling/clock.h"
#include "engine/scheduling/step_gaps.h"

namespace firstlight {

class Engine {
 public:
  struct Options {
    int threads = 0;  // workers; 0: allowed physical cores
    Isa isa = Isa::kAuto;
    int64_t kv_cache_bytes = 0;  // REQUIRED: the budget of all models together
    int64_t max_sequences = 64;  // running, per process
    int64_t max_queue = 256;     // waiting, per process: more than both together are refused
    int64_t default_max_tokens = 256;
    // Rows of a step: decode rows first, then prompt chunks up to this many together
    // (scheduling_policy.h says what prompts get where decode rows leave none).
    int64_t step_tokens = 512;
    int tokenizer_threads = 1;
    // Most bytes of weights to be fetched ahead of a pass.
    int64_t prefetch_window_bytes = int64_t{1} << 30;
    // Most bytes of weights to be locked in memory, all models together.
    int64_t pin_limit_bytes = 0;
    // Brings pages into memory; nullptr: the system's. Outlives the engine.
    PageReader* page_reader = nullptr;
    // What of some weights is in memory, blocking for 2 ms at most; unset: ResidencyProbe. Any
    // thread.
    std::function<WeightShares(absl::Span<const ByteRange>)> sample_weights{};
    // Where tokenizers are kept, and who is told how each came about.
    TokenizerCache::Options tokenizer_cache = {};
    // A file of `model` turned out damaged, and its requests have been failed with `status`
    // (DATA_LOSS). Engine's thread; must not block. May come more than once.
    std::function<void(const Model& model, const absl::Status& status)> on_damage{};
    // The workers spent the time from `begin` to `end` on layers of `model`. Engine's thread; must
    // not block. For measurements.
    std::function<void(const Model& model, absl::Time begin, absl::Time end)> on_turn{};
    // nullptr: the system's. Outlives the engine.
    const Clock* clock = nullptr;
  };

  // A request under way, until its observer's OnDone.
  using RequestId = uint64_t;
  using PopulateId = uint64_t;

  struct SequenceCounts {
    int64_t running = 0;
    int64_t waiting = 0;  // tokenizing, queued, preempted, or their reader has no room
  };

  static absl::StatusOr<std::unique_ptr<Engine>> Create(const Options& options);
  // Ends every request with CANCELLED, then joins the threads.
  ~Engine();

  // Model::Load with this engine's kernels, workers and budget. Blocks for a few milliseconds; any
  // thread. The model must not outlive the engine. The caller sees to it that
  // Model::BuildTokenizer is called: requests wait for it.
  absl::StatusOr<std::unique_ptr<Model>> LoadModel(const std::string& directory,
                                                   std::optional<int64_t> context_length,
                                                   PrefetchPolicy prefetch) const;

  // Admits a request. Never blocks on I/O or compute. Refused at once: INVALID_ARGUMENT for an
  // option out of range; RESOURCE_EXHAUSTED when its sequences and those under way would be more
  // than max_sequences + max_queue. Errors that need its tokenizer or its model come through the
  // observer, which is not called when this fails. Keeps `model` until the end.
  absl::StatusOr<RequestId> Submit(std::shared_ptr<Model> model, GenerationRequest request,
                                   std::shared_ptr<GenerationObserver> observer);

  // Ends a request at the next step boundary, wherever it is (queue, tokenizer, prefill, decode):
  // its observer gets OnDone(status), its blocks are free within a step. No effect on one that has
  // ended.
  void Cancel(RequestId id, absl::Status status);

  // The observer of `id` has room again.
  void Resume(RequestId id);

  // Ends every request of `model` with `reason` for each unfinished sequence and OnDone(OK).
  void EndRequests(const Model* model, FinishReason reason);

  // Ends every request of `model` with the error `status`.
  void FailRequests(const Model* model, absl::Status status);

  // Brings all weights of `model` into memory, in the order of execution. Returns at once, with
  // what CancelPopulate names it by; `done` is called on the engine's thread with OK, DATA_LOSS
  // naming the file, or CANCELLED (by CancelPopulate, Park, the end of the model or of the engine).
  // Does not keep the model.
  PopulateId Populate(std::shared_ptr<Model> model, WeightGate::PopulateOptions options,
                      std::function<void(absl::Status)> done);
  // Ends that one; others of the same model go on.
  void CancelPopulate(PopulateId id);

  // Locks the weights in memory within Options::pin_limit_bytes, for as long as the model lives or
  // until it is parked. Populate first: this reads what is missing, in no good order. Returns at
  // once; `done` is called on the engine's thread with OK, RESOURCE_EXHAUSTED saying what stood in
  // the way (nothing is locked then), or DATA_LOSS.
  void Pin(std::shared_ptr<Model> model, std::function<void(absl::Status)> done);

  // Gives the memory of the weights back to the system; the model stays ready. Returns at once;
  // `done` is called on the engine's thread. Requests under way go on, and pay for it.
  void Park(std::shared_ptr<Model> model, std::function<void()> done);

  // What of all weights of `model`, the embedding included, is in memory. Takes 2 ms at most; any
  // thread but the engine's.
  WeightShares SampleResidency(const Model& model) const;

  SequenceCounts CountSequences(const Model* model) const;
  // How long the workers stood still between steps.
  StepGaps::Reading ReadStepGaps() const;
  int64_t kv_cache_used_bytes() const;
  int64_t kv_cache_capacity_bytes() const;
  const char* isa_name() const;
  int threads() const;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ENGINE_H_
