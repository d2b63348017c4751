#include "server/metrics/lifecycle_metrics.h"

#include <utility>

namespace firstlight {

LifecycleMetrics::LifecycleMetrics(Metrics* metrics, std::function<absl::Time()> now)
    : metrics_(metrics), now_(std::move(now)) {}

void LifecycleMetrics::OnModelChange(const ModelChange& change) {
  const ModelSnapshot& model = change.model;
  if (change.type == ModelChangeType::kRemoved) return OnRemoved(change);
  metrics_->AddModel(model.name);
  metrics_->SetServing(model.name, change.name_serves);
  if (model.current && model.facts.has_value()) {
    metrics_->SetModelFacts(model.name, *model.facts, model.load_time);
  }
  Version& version = versions_[model.version];
  if (model.state == ModelState::kActive && version.loading) metrics_->RecordLoad(model.load_time);
  version.loading = model.state == ModelState::kLoading;
  if (model.state != ModelState::kDraining) {
    version.draining_since.reset();
  } else if (!version.draining_since.has_value()) {
    version.draining_since = now_();
  }
}

void LifecycleMetrics::OnRemoved(const ModelChange& change) {
  if (const auto found = versions_.find(change.model.version); found != versions_.end()) {
    if (found->second.draining_since.has_value()) {
      metrics_->RecordDrain(now_() - *found->second.draining_since);
    }
    versions_.erase(found);
  }
  if (change.name_exists) {
    metrics_->SetServing(change.model.name, change.name_serves);
  } else {
    metrics_->RemoveModel(change.model.name);
  }
}

}  // namespace firstlight
