#include "server/metrics/metrics.h"

#include <optional>
#include <utility>

#include "server/base/build_info.h"
#include "server/base/status.h"
#include "server/metrics/exposition.h"
#include "server/metrics/memory_metrics.h"
#include "server/metrics/metric_families.h"
#include "server/metrics/model_series.h"
#include "server/metrics/optional_series.h"

namespace firstlight {

struct Metrics::SystemSeries {
  explicit SystemSeries(prometheus::Registry* registry) : memory(registry) {}

  MemoryMetrics memory;
  std::string residency_method;
  std::optional<OptionalSeries<prometheus::Gauge>> residency_probe;
};

Metrics::Metrics(const Options& options)
    : registry_(std::make_unique<prometheus::Registry>()),
      families_(std::make_unique<const MetricFamilies>(registry_.get())),
      kv_cache_used_(&families_->kv_cache_used.Add({})),
      kv_cache_capacity_(&families_->kv_cache_capacity.Add({})),
      step_gap_(
          &families_->step_gap.Add({}, prometheus::Histogram::BucketBoundaries(
                                           StepGaps::kBounds.begin(), StepGaps::kBounds.end()))),
      longest_step_gap_(&families_->longest_step_gap.Add({})),
      load_duration_(&families_->load_duration.Add({}, LatencyBuckets())),
      swap_duration_(&families_->swap_duration.Add({}, LatencyBuckets())),
      drain_duration_(&families_->drain_duration.Add({}, LatencyBuckets())),
      system_(std::make_unique<SystemSeries>(registry_.get())) {
  const MetricFamilies& f = *families_;
  f.build_info
      .Add({{"version", BuildVersion()}, {"revision", BuildRevision()}, {"isa", options.isa}})
      .Set(1);
  f.sequences_limit.Add({{"state", "running"}}).Set(static_cast<double>(options.max_sequences));
  f.sequences_limit.Add({{"state", "waiting"}}).Set(static_cast<double>(options.max_queue));
  // Every code: an alert on the first error of a kind needs the zero before it.
  for (const std::string& method : options.methods) {
    for (int code = 0; code <= static_cast<int>(absl::StatusCode::kUnauthenticated); ++code) {
      const absl::string_view name = CodeName(static_cast<absl::StatusCode>(code));
      f.requests.Add({{"method", method}, {"code", std::string(name)}});
    }
  }
}

Metrics::~Metrics() = default;

void Metrics::SetReader(std::function<Reading()> reader) { reader_ = std::move(reader); }

void Metrics::AddModel(const std::string& name) {
  MutexLock lock(&mutex_);
  std::unique_ptr<ModelSeries>& series = models_[name];
  if (series == nullptr) series = std::make_unique<ModelSeries>(*families_, name);
}

void Metrics::SetModelFacts(const std::string& name, const ModelFacts& facts,
                            absl::Duration load_time) {
  MutexLock lock(&mutex_);
  if (ModelSeries* const series = Find(name)) series->SetFacts(facts, load_time);
}

void Metrics::SetServing(const std::string& name, bool serving) {
  MutexLock lock(&mutex_);
  if (ModelSeries* const series = Find(name)) series->SetServing(serving);
}

void Metrics::RetireVersion(const std::string& name, int64_t version, const VersionTotals& totals) {
  MutexLock lock(&mutex_);
  if (ModelSeries* const series = Find(name)) series->RetireVersion(version, totals);
}

void Metrics::RemoveModel(const std::string& name) {
  MutexLock lock(&mutex_);
  models_.erase(name);
}

ModelSeries* Metrics::Find(const std::string& name) const {
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : found->second.get();
}

ModelMetrics Metrics::ForModel(const std::string& name) const {
  MutexLock lock(&mutex_);
  const ModelSeries* const series = Find(name);
  return series == nullptr ? ModelMetrics() : series->metrics();
}

void Metrics::CountRequest(absl::string_view method, absl::StatusCode code) {
  families_->requests.Add({{"method", std::string(method)}, {"code", std::string(CodeName(code))}})
      .Increment();
}

void Metrics::RecordLoad(absl::Duration duration) {
  load_duration_->Observe(absl::ToDoubleSeconds(duration));
}

void Metrics::RecordSwap(const std::string& name, const absl::Status& status,
                         absl::Duration duration) {
  if (status.ok()) swap_duration_->Observe(absl::ToDoubleSeconds(duration));
  MutexLock lock(&mutex_);
  if (ModelSeries* const series = Find(name)) series->CountSwap(status);
}

void Metrics::RecordRollback(const std::string& name) {
  MutexLock lock(&mutex_);
  if (ModelSeries* const series = Find(name)) series->CountRollback();
}

void Metrics::RecordDrain(absl::Duration duration) {
  drain_duration_->Observe(absl::ToDoubleSeconds(duration));
}

// The engine counts them itself: its thread records thousands a second.
void Metrics::SetStepGaps(const StepGaps::Reading& reading) {
  std::vector<double> increments;
  increments.reserve(reading.counts.size());
  for (size_t i = 0; i < reading.counts.size(); ++i) {
    increments.push_back(static_cast<double>(reading.counts[i] - step_gaps_.counts[i]));
  }
  step_gap_->ObserveMultiple(increments, absl::ToDoubleSeconds(reading.sum - step_gaps_.sum));
  longest_step_gap_->Set(absl::ToDoubleSeconds(reading.longest));
  step_gaps_ = reading;
}

void Metrics::Take(const Reading& reading) {
  kv_cache_used_->Set(static_cast<double>(reading.kv_cache_used_bytes));
  kv_cache_capacity_->Set(static_cast<double>(reading.kv_cache_capacity_bytes));
  MutexLock lock(&mutex_);
  SystemSeries& system = *system_;
  system.memory.Set(reading.memory);
  SetStepGaps(reading.step_gaps);
  if (system.residency_method != reading.residency_method) {
    system.residency_method = reading.residency_method;
    system.residency_probe.reset();
    if (!system.residency_method.empty()) {
      system.residency_probe
          .emplace(&families_->residency_probe,
                   prometheus::Labels{{"method", system.residency_method}})
          .Set(1);
    }
  }
  for (const auto& [name, series] : models_) {
    const auto found = reading.models.find(name);
    series->Set(found == reading.models.end() ? ModelReading() : found->second);
  }
}

std::string Metrics::Render() {
  if (reader_) Take(reader_());
  return ExposeText(registry_->Collect());
}

}  // namespace firstlight
