#include "server/metrics/scrape_reader.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "engine/model.h"

namespace firstlight {

VersionTotals TotalsOf(const ServedModel& model) {
  const Model& loaded = *model.loaded->engine_model();
  return {.weights_read_bytes = loaded.residency()->costs().storage_bytes,
          .steady_tokens = loaded.step_totals()->steady_tokens(),
          .steady_time = loaded.step_totals()->steady_time(),
          .last_used = model.last_use()};
}

ScrapeReader::ScrapeReader(const Engine* engine, const ModelRegistry* registry)
    : engine_(engine), registry_(registry), sampler_({.now = absl::Now}) {}

Metrics::Reading ScrapeReader::Read() {
  Metrics::Reading reading;
  reading.kv_cache_used_bytes = engine_->kv_cache_used_bytes();
  reading.kv_cache_capacity_bytes = engine_->kv_cache_capacity_bytes();
  reading.step_gaps = engine_->ReadStepGaps();
  reading.memory = memory_pressure_.Read();
  const std::vector<std::shared_ptr<ServedModel>> models = registry_->Live();
  for (const std::shared_ptr<ServedModel>& model : models) {
    ModelReading& one = reading.models[model->name];
    const Engine::SequenceCounts counts = engine_->CountSequences(model->loaded->engine_model());
    one.running += counts.running;
    one.waiting += counts.waiting;
    one.versions.emplace(model->version, TotalsOf(*model));
    reading.pins.push_back(model);
  }
  ReadResidency(models, &reading);
  return reading;
}

void ScrapeReader::ReadResidency(const std::vector<std::shared_ptr<ServedModel>>& models,
                                 Metrics::Reading* reading) {
  std::vector<ResidencySampler::Candidate> candidates;
  std::map<int64_t, ModelReading*> current;
  for (const std::shared_ptr<ServedModel>& model : models) {
    const absl::StatusOr<ModelSnapshot> now = registry_->Get(model->name, std::nullopt);
    if (!now.ok() || now->version != model->version) continue;
    reading->models[model->name].detached = !model->loaded->Detached().empty();
    current.emplace(model->version, &reading->models[model->name]);
    candidates.push_back(
        {.version = model->version, .sample = [this, loaded = model->loaded->engine_model()] {
           return probe_.Sample(loaded->residency()->plan().all());
         }});
  }
  std::optional<PageCacheMethod> weakest;
  for (const auto& [version, sampled] : sampler_.Refresh(candidates)) {
    const ResidencySample& sample = sampled.sample;
    ModelReading& one = *current.at(version);
    one.residency_sampled = sampled.time;
    one.mapped_bytes = sample.mapped_bytes;
    one.resident_bytes = sample.resident_bytes;
    weakest = std::min(weakest.value_or(sample.method), sample.method);
  }
  if (weakest.has_value()) reading->residency_method = std::string(probe_.MethodName(*weakest));
}

}  // namespace firstlight
