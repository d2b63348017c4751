#include "server/metrics.h"

#include <utility>

#include "server/build_info.h"
#include "server/exposition.h"
#include "server/memory_metrics.h"
#include "server/metric_families.h"
#include "server/status.h"

namespace firstlight {

Metrics::Metrics(const Options& options)
    : registry_(std::make_unique<prometheus::Registry>()),
      families_(std::make_unique<const MetricFamilies>(registry_.get())),
      kv_cache_used_(&families_->kv_cache_used.Add({})),
      kv_cache_capacity_(&families_->kv_cache_capacity.Add({})),
      load_duration_(&families_->load_duration.Add({}, LatencyBuckets())),
      drain_duration_(&families_->drain_duration.Add({}, LatencyBuckets())),
      memory_(std::make_unique<MemoryMetrics>(registry_.get())) {
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
  std::unique_ptr<const ModelSeries>& series = models_[name];
  if (series == nullptr) series = std::make_unique<const ModelSeries>(*families_, name);
}

void Metrics::SetModelFacts(const std::string& name, const ModelFacts& facts,
                            absl::Duration load_time) {
  const ModelMetrics m = ForModel(name);
  if (m.load_seconds == nullptr) return;
  m.load_seconds->Set(absl::ToDoubleSeconds(load_time));
  m.assigned_bytes->Set(static_cast<double>(facts.assigned_bytes));
  m.copied_bytes->Set(static_cast<double>(facts.copied_bytes));
  m.tied_bytes->Set(static_cast<double>(facts.tied_bytes));
}

void Metrics::SetServing(const std::string& name, bool serving) {
  const ModelMetrics m = ForModel(name);
  if (m.serving != nullptr) m.serving->Set(serving ? 1 : 0);
}

void Metrics::RemoveModel(const std::string& name) {
  MutexLock lock(&mutex_);
  models_.erase(name);
}

ModelMetrics Metrics::ForModel(const std::string& name) const {
  MutexLock lock(&mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? ModelMetrics() : found->second->metrics();
}

void Metrics::CountRequest(absl::string_view method, absl::StatusCode code) {
  families_->requests.Add({{"method", std::string(method)}, {"code", std::string(CodeName(code))}})
      .Increment();
}

void Metrics::RecordLoad(absl::Duration duration) {
  load_duration_->Observe(absl::ToDoubleSeconds(duration));
}

void Metrics::RecordDrain(absl::Duration duration) {
  drain_duration_->Observe(absl::ToDoubleSeconds(duration));
}

std::string Metrics::Render() {
  if (reader_) {
    const Reading reading = reader_();
    kv_cache_used_->Set(static_cast<double>(reading.kv_cache_used_bytes));
    kv_cache_capacity_->Set(static_cast<double>(reading.kv_cache_capacity_bytes));
    MutexLock lock(&mutex_);
    memory_->Set(reading.memory);
    for (const auto& [name, series] : models_) {
      const ModelMetrics& m = series->metrics();
      const auto found = reading.sequences.find(name);
      const Reading::Sequences sequences =
          found == reading.sequences.end() ? Reading::Sequences() : found->second;
      m.running->Set(static_cast<double>(sequences.running));
      m.waiting->Set(static_cast<double>(sequences.waiting));
    }
  }
  return ExposeText(registry_->Collect());
}

}  // namespace firstlight
