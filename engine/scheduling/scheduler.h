#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULER_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULER_H_

// Continuous batching over all models of the process: which sequences are in the batch, whose step
// runs next, who gives its cache blocks back. docs/scheduling.md tells the rules and why they
// cannot deadlock.
//
// A step is one mixed forward pass of one model. Models with work take turns, a step each; a pass
// that finds a layer's gate closed is left where it is and another model's pass runs.
//
// Threads: none of its own. All methods are called by one thread, the engine's, or a test that
// steps by hand. Observers are called from inside them. Model references are dropped here: see
// engine/model.h.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/sampling/sampler.h"
#include "engine/scheduling/batch_pass.h"
#include "engine/scheduling/clock.h"
#include "engine/scheduling/layer_gate.h"
#include "engine/scheduling/request.h"
#include "engine/scheduling/scheduling_policy.h"
#include "engine/scheduling/step_gaps.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

class Scheduler {
 public:
  // All pointers outlive the scheduler.
  struct Options {
    int64_t max_sequences = 64;
    int64_t step_tokens = 512;
    int64_t default_max_tokens = 256;
    const Clock* clock = nullptr;
    LayerGate* gate = nullptr;  // nullptr: every layer is always ready
    const BlockPool* block_pool = nullptr;
    WorkerPool* workers = nullptr;
    ExpFunctionOfRow exp = nullptr;
    StepGaps* step_gaps = nullptr;  // nullptr: nobody wants to know
    // Called when `sequences` of a request have ended, before its observer hears of it. Must not
    // call back.
    std::function<void(const Request& request, int64_t sequences)> on_ended;
    // The files of `model` were found damaged (DATA_LOSS) after a pass, none of whose tokens is
    // delivered; its requests end with `status` next. Unset: nobody wants to know.
    std::function<void(const Model& model, const absl::Status& status)> on_damage{};
    // The workers spent the time from `begin` to `end` on stages of a pass of `model`. Unset:
    // nobody wants to know.
    std::function<void(const Model& model, absl::Time begin, absl::Time end)> on_turn{};
  };

  explicit Scheduler(Options options);
  // Every request has ended: EndAll.
  ~Scheduler();

  // Takes a request whose prompt is being tokenized. Ids ascend.
  void Add(std::unique_ptr<Request> request);
  // The prompt of `id`, or why there is none. No effect on a request that has ended.
  void SetPrompt(RequestId id, absl::StatusOr<TokenizedPrompt> prompt);
  // The observer of `id` has room again.
  void Resume(RequestId id);
  // Ends a request with `status`. Its blocks are free on return, or when the pass under way that
  // uses them has ended.
  void Cancel(RequestId id, const absl::Status& status);
  // Ends every request of `model` with `reason` for each of its unfinished sequences.
  void EndRequests(const Model* model, FinishReason reason);
  // Ends every request of `model` with `status`.
  void FailRequests(const Model* model, const absl::Status& status);
  void EndAll(const absl::Status& status);

  // Ends what is past its time, lets waiting sequences join and runs one model's turn: its step up
  // to the end or to a closed gate. False when there was nothing to run: nothing will change before
  // NextDeadline(), a call of the methods above, or a gate that opens.
  bool Step();
  // Earliest deadline or time limit of any request; InfiniteFuture for none.
  absl::Time NextDeadline() const;

  bool idle() const { return requests_.empty(); }
  // Sequences in the batch, of each model that has any.
  std::map<const Model*, int64_t> CountRunning() const;

 private:
  // The step of one model, and the order in which models take turns.
  struct Lane {
    const Model* model = nullptr;
    std::unique_ptr<BatchPass> pass;  // under way, at a gate; else nullptr
    bool waited = false;              // its next pass has found the first gate closed
    absl::Time begun;                 // when `pass` was
  };
  struct ByAge {
    bool operator()(const Sequence* a, const Sequence* b) const { return a->age() < b->age(); }
  };
  using SequenceSet = std::set<Sequence*, ByAge>;

  // scheduler.cc: requests.
  Request* Find(RequestId id);
  absl::Status Prepare(Request* request, TokenizedPrompt prompt);
  void Start(Request* request, int64_t prompt_tokens);
  void EndExpired(absl::Time now);
  void FinishAll(Request* request, FinishReason reason, absl::Time now);
  void End(Request* request, const absl::Status& status);
  void DropEnded();
  bool IsServed(const Model* model) const;
  bool TextIsSound(Request* request);
  void Deliver(Sequence* sequence, Sequence::Outcome outcome);
  void Leave(Sequence* sequence);

  // scheduler_batch.cc: the batch.
  void AskForRoom();
  void Join();
  void Dequeue(Request* request);
  bool ReserveToJoin(Sequence* sequence);
  bool ReserveToGoOn(Sequence* sequence);
  std::vector<BlockHolder> BlockHolders(std::vector<Sequence*>* sequences) const;
  void GiveWay(Sequence* sequence);
  void Wait(Sequence* sequence);
  bool RunTurn(Lane* lane);
  absl::StatusOr<std::unique_ptr<BatchPass>> BeginPass(const Model* model);
  void EndRunning(const Model* model, const absl::Status& status);
  void CompletePass(Lane* lane);
  void DropDamagedPass(std::unique_ptr<BatchPass> pass, const absl::Status& status);
  void DescribePrompts(const BatchPass& pass);
  void NoteFirstToken(Request* request, absl::Time now);
  void ShareFirstToken(Sequence* leader, absl::Span<const float> logits, absl::Time now);
  void TakeToken(Sequence* sequence, absl::StatusOr<Sequence::Sampled> sampled, absl::Time now);
  void UpdateLanes();

  const Options options_;
  std::map<RequestId, std::unique_ptr<Request>> requests_;
  std::vector<std::unique_ptr<Request>> ended_;  // some of their sequences are still in a pass
  SequenceSet waiting_;
  SequenceSet running_;
  std::vector<Lane> lanes_;                // the next to take its turn first
  std::vector<SamplerScratch> scratches_;  // [workers]
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULER_H_
