#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_MODEL_RESIDENCY_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_MODEL_RESIDENCY_H_

// What is known of one model's weights in memory, and what bringing them there has cost so far.
// Every model has one; WeightGate keeps it up to date.
//
// What says "any thread" is thread-safe. The rest belongs to WeightGate, on the engine's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "engine/residency/prefetch_policy.h"
#include "engine/residency/weight_plan.h"
#include "engine/workers/fault_costs.h"
#include "loader/base/mutex.h"
#include "loader/residency/pin.h"
#include "loader/residency/prefetcher.h"

namespace firstlight {

class Model;

// Shares of the weights that a pass reads, in [0, 1], as sampled.
struct WeightShares {
  // In this process's page tables. Empty where the system does not tell.
  std::optional<double> mapped;
  // In the page cache. Empty where the system does not tell, as for most unprivileged processes.
  std::optional<double> resident;
};

class ModelResidency {
 public:
  ModelResidency(WeightPlan plan, PrefetchPolicy policy);
  ~ModelResidency();

  // Any thread.
  const WeightPlan& plan() const { return plan_; }
  PrefetchPolicy policy() const { return policy_; }

  // Since the model was loaded: of the workers in its passes, and of what was fetched for it. Any
  // thread.
  FaultCosts costs() const;
  // Of the workers alone: bytes that were to be there before compute touched them, and were not
  // (under the policy `none`: all). Any thread.
  FaultCosts worker_costs() const;

  // Any thread.
  void AddWorkerCosts(const FaultCosts& costs);
  // From now on what `job` costs counts, too. Any thread.
  void AddJob(std::shared_ptr<PrefetchJob> job);
  // Called by the destructor with the jobs that are still under way. Before the first AddJob.
  void set_end_jobs(std::function<void(std::vector<std::shared_ptr<PrefetchJob>>)> end_jobs);

  // Of what every pass reads. What the last look at the page tables found; what of it is there
  // now, as far as is known: unset while passes wait for a look. Engine's thread.
  const WeightShares& last_look() const { return last_look_; }
  std::optional<WeightShares> shares() const;

 private:
  friend class WeightGate;

  enum class Phase : uint8_t {
    kUnknown,   // nothing is known; closed
    kChecking,  // the page tables are being looked at; closed
    kFetching,  // `job_` says which stages are there
    kOpen,      // everything is there, or nobody fetches: the workers may go ahead
    kParking,   // pages are being given back; closed
  };

  const WeightPlan plan_;
  const PrefetchPolicy policy_;

  mutable Mutex mutex_;
  FaultCosts worker_costs_ ABSL_GUARDED_BY(mutex_);
  FaultCosts ended_jobs_costs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<PrefetchJob>> jobs_ ABSL_GUARDED_BY(mutex_);
  std::function<void(std::vector<std::shared_ptr<PrefetchJob>>)> end_jobs_ ABSL_GUARDED_BY(mutex_);

  // WeightGate's, on the engine's thread.
  Phase phase_ = Phase::kUnknown;
  std::weak_ptr<const Model> model_;
  bool active_ = false;     // between Dequeued and Idle
  uint64_t epoch_ = 0;      // looks that were begun before a change of mind are void
  int64_t next_stage_ = 0;  // of the pass under way, layers and head counted from 0
  std::unique_ptr<PinnedPages> pins_;
  std::shared_ptr<PrefetchJob> job_;  // stages as plan_.stages()
  // One stage: the embedding rows of the pass, and at first what else is read with them.
  std::shared_ptr<PrefetchJob> rows_job_;
  std::vector<int32_t> rows_wanted_;  // what rows_job_ fetches
  bool with_rows_wanted_ = false;     // and whether it fetches what else is read with them
  std::vector<bool> rows_known_;      // [vocab_size]; empty: none
  bool with_rows_known_ = false;      // what else is read with them
  bool all_rows_known_ = false;
  std::shared_ptr<PrefetchJob> experts_job_;  // one stage: experts that the pass has chosen
  int64_t experts_layer_ = 0;                 // what experts_job_ fetches
  std::vector<int32_t> experts_wanted_;
  absl::Time last_experts_job_ = absl::InfinitePast();  // when experts were last asked for
  std::vector<std::vector<bool>> experts_known_;  // [num_hidden_layers][num_experts]; empty: none
  bool all_experts_known_ = false;
  bool rechecking_ = false;  // a look that nobody waits for is under way
  bool ran_since_look_ = false;
  bool faulted_ = false;  // a worker read storage; whether pages are gone is being looked at
  absl::Time distrusted_until_ = absl::InfinitePast();
  absl::Time last_used_ = absl::InfinitePast();
  absl::Time last_checked_ = absl::InfinitePast();
  WeightShares last_look_;
  WeightShares shares_;  // the same, and what has been done since
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_MODEL_RESIDENCY_H_
