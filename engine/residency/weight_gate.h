#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_GATE_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_GATE_H_

// The LayerGate of the engine: opens a layer once its weights are in memory and mapped, and has
// them fetched in the order in which passes need them. docs/cold_start.md tells the whole story.
//
// A model starts unknown. Its first request makes this look at the page tables (off the engine's
// thread; at most 2 ms). If everything that a pass reads is mapped, every gate is open, and stays
// so at the price of a few comparisons a stage. Otherwise a job fetches layer after layer, the
// head last, and a gate opens when the job reports its stage. Embedding rows are fetched for each
// pass, and only those that no pass has had. A mixture's experts
// are fetched once a pass has chosen them, so that one that nobody chooses is never read. The
// kernel may take pages away again, so the look is repeated when a model was not used for a second,
// every ten seconds of use, and when a worker had to read from storage all the same; where pages
// turn out to go while they are in use (a memory limit below the model's size), before every pass
// for a minute.
//
// While other models compute, the prefetching threads give way to them. While only models compute
// that wait for pages themselves, they do not: what such a model computes can wait for the disk,
// and the disk for nothing.
//
// Under the policy `none` nothing is fetched: the gate only waits for the look, so that requests
// can be told what they found.
//
// Damage that is found while fetching is reported, and the gate stays closed; the next request
// tries again.
//
// Threads: the LayerGate's methods, Populate and Park belong to the engine's thread. Besides the
// Prefetcher's it has two of its own for system calls: one that looks, for which requests wait, and
// one that releases and pins, which takes milliseconds for each GB and holds up no other.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/residency/model_residency.h"
#include "engine/residency/task_thread.h"
#include "engine/scheduling/clock.h"
#include "engine/scheduling/layer_gate.h"
#include "loader/residency/page_reader.h"
#include "loader/residency/prefetcher.h"

namespace firstlight {

class WeightGate final : public LayerGate {
 public:
  // How long a model may go unused before what is known of it is looked at again.
  static constexpr absl::Duration kIdle = absl::Seconds(1);
  // How often that is done while it is in use.
  static constexpr absl::Duration kRecheck = absl::Seconds(10);
  // For how long it is done before every pass, once pages were found to go while they were in use.
  static constexpr absl::Duration kDistrust = absl::Seconds(60);

  // For how long after a stage of a model that waits for nothing the prefetching threads give way
  // to computing: longer than a pause between two of its steps.
  static constexpr absl::Duration kGiveWay = absl::Milliseconds(100);

  struct Options {
    PageReader* reader = nullptr;  // outlives the gate
    // Shares of ranges in the page tables and the page cache; blocks for 2 ms at most. Called on
    // a thread of the gate's own.
    std::function<WeightShares(absl::Span<const ByteRange>)> sample;
    // Gives the memory of ranges back to the system. Called on another thread of the gate's own.
    std::function<void(absl::Span<const ByteRange>)> release;
    PinLimit* pin_limit = nullptr;  // outlives the models
    const Clock* clock = nullptr;   // outlives the gate
    // Most bytes to be fetched ahead of a pass.
    int64_t window_bytes = int64_t{1} << 30;
    // Runs a closure on the engine's thread, later, then lets the scheduler ask its gates again.
    // Any thread; must not block. Closures may be dropped unrun.
    std::function<void(absl::AnyInvocable<void()>)> run_on_engine;
    // A file of `model` turned out damaged (DATA_LOSS). Engine's thread, outside of the scheduler.
    std::function<void(const Model& model, const absl::Status& status)> on_damage;
  };

  struct PopulateOptions {
    // What CancelPopulate names it by; the caller's choice.
    uint64_t id = 0;
    bool background = false;  // gives way to what requests wait for
    // Bytes that are in memory, of all. Engine's thread.
    std::function<void(int64_t bytes, int64_t total_bytes)> on_progress{};
  };

  explicit WeightGate(Options options);
  // Ends what is under way: callbacks of Populate that have not been called are with CANCELLED.
  // REQUIRES: every model that it was told of is gone, and so is the engine's thread.
  ~WeightGate() override;

  // Ends the gate's own threads, and with them the last references to models that they hold. What
  // they were to do is not done. For the end of the engine.
  void Stop() {
    looks_.Stop();
    releases_.Stop();
  }

  void Dequeued(const std::shared_ptr<const Model>& model) override;
  void PassBegins(const Model& model, absl::Span<const int32_t> tokens) override;
  bool IsOpen(const Model& model, int64_t layer) override;
  bool AreExpertsOpen(const Model& model, int64_t layer,
                      absl::Span<const int32_t> experts) override;
  void StageRan(const Model& model, int64_t layer) override;
  void FaultedFromStorage(const Model& model) override;
  void Idle(const Model& model) override;

  // Brings all weights of `model` into memory, in the order of execution and without a window, then
  // calls `done` on the engine's thread: OK, DATA_LOSS, or CANCELLED.
  void Populate(std::shared_ptr<const Model> model, PopulateOptions options,
                std::function<void(absl::Status)> done);
  // Ends the Populate of that id with CANCELLED, where it is still under way. Others go on.
  void CancelPopulate(uint64_t id);

  // Locks the weights in memory, which Populate has brought there, for as long as the model lives
  // or until it is parked, then calls `done` on the engine's thread, unless that ends first:
  // RESOURCE_EXHAUSTED, and nothing is locked, beyond the limit or where the system refuses;
  // DATA_LOSS.
  void Pin(std::shared_ptr<const Model> model, std::function<void(absl::Status)> done);

  // Gives the memory of the weights back, then calls `done` on the engine's thread, unless that
  // ends first. Requests may be under way: they find the model cold from here on.
  void Park(std::shared_ptr<const Model> model, std::function<void()> done);

 private:
  using Phase = ModelResidency::Phase;
  struct Populating;

  void Refresh(ModelResidency& state);
  void Look(ModelResidency& state);
  void Looked(const std::shared_ptr<const Model>& model, uint64_t epoch,
              const WeightShares& shares);
  void Fetch(ModelResidency& state);
  void OpenIfFetched(ModelResidency& state);
  void SetGiveWay(absl::Time now);
  static void AllTouched(ModelResidency& state);
  void Fetched(const std::shared_ptr<PrefetchJob>& job, const std::weak_ptr<const Model>& model);
  void CancelJob(std::shared_ptr<PrefetchJob>* job);
  void Forget(ModelResidency& state);
  std::shared_ptr<PrefetchJob> StartJob(const std::shared_ptr<const Model>& model,
                                        std::vector<std::vector<ByteRange>> stages,
                                        int64_t window_bytes, PrefetchPriority priority);
  bool IsPopulating(const PrefetchJob* job) const;
  void AdvancePopulating(const PrefetchJob* job);
  void EndPopulating(const std::function<bool(const Populating&)>& which);

  const Options options_;
  absl::Time last_open_stage_ = absl::InfinitePast();  // of a model that waits for nothing
  bool readers_give_way_ = false;                      // what the Prefetcher was told last
  std::list<Populating> populating_;
  TaskThread looks_;
  TaskThread releases_;  // and pins, in the order in which they were asked for
  Prefetcher prefetcher_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_GATE_H_
