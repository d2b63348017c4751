#include "engine/residency/model_residency.h"

#include <algorithm>
#include <utility>

namespace firstlight {
namespace {

FaultCosts CostsOf(const ReadCost& cost) {
  return {.storage_bytes = cost.bytes_read.value_or(0),
          .major_faults = cost.major_faults,
          .minor_faults = cost.minor_faults};
}

}  // namespace

ModelResidency::ModelResidency(WeightPlan plan, PrefetchPolicy policy)
    : plan_(std::move(plan)), policy_(policy) {}

ModelResidency::~ModelResidency() {
  MutexLock lock(&mutex_);
  if (end_jobs_) end_jobs_(std::move(jobs_));
}

FaultCosts ModelResidency::costs() const {
  MutexLock lock(&mutex_);
  FaultCosts costs = worker_costs_;
  costs += ended_jobs_costs_;
  for (const std::shared_ptr<PrefetchJob>& job : jobs_) costs += CostsOf(job->cost());
  return costs;
}

std::optional<WeightShares> ModelResidency::shares() const {
  if (phase_ == Phase::kChecking) return std::nullopt;
  if (phase_ != Phase::kFetching) return shares_;
  const double fetched = static_cast<double>(job_->cost().bytes_populated) /
                         static_cast<double>(std::max<int64_t>(plan_.every_pass_bytes(), 1));
  const auto with_fetched = [&](std::optional<double> share) {
    if (share.has_value()) *share = std::min(*share + (1 - *share) * fetched, 1.0);
    return share;
  };
  return WeightShares{.mapped = with_fetched(shares_.mapped),
                      .resident = with_fetched(shares_.resident)};
}

FaultCosts ModelResidency::worker_costs() const {
  MutexLock lock(&mutex_);
  return worker_costs_;
}

void ModelResidency::AddWorkerCosts(const FaultCosts& costs) {
  MutexLock lock(&mutex_);
  worker_costs_ += costs;
}

void ModelResidency::set_end_jobs(
    std::function<void(std::vector<std::shared_ptr<PrefetchJob>>)> end_jobs) {
  MutexLock lock(&mutex_);
  end_jobs_ = std::move(end_jobs);
}

void ModelResidency::AddJob(std::shared_ptr<PrefetchJob> job) {
  MutexLock lock(&mutex_);
  // Not as soon as they end: one that was cancelled may have pieces under way, which count.
  std::vector<std::shared_ptr<PrefetchJob>> going_on;
  for (std::shared_ptr<PrefetchJob>& other : jobs_) {
    if (other->AllPopulated() || !other->status().ok()) {
      ended_jobs_costs_ += CostsOf(other->cost());
    } else {
      going_on.push_back(std::move(other));
    }
  }
  jobs_ = std::move(going_on);
  jobs_.push_back(std::move(job));
}

}  // namespace firstlight
