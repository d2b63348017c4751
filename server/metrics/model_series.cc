#include "server/metrics/model_series.h"

#include <optional>
#include <type_traits>

#include "engine/generation.h"

namespace firstlight {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

std::optional<double> Number(const std::optional<int64_t>& value) {
  if (!value.has_value()) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> Timestamp(const std::optional<absl::Time>& time) {
  if (!time.has_value()) return std::nullopt;
  return absl::ToDoubleSeconds(*time - absl::UnixEpoch());
}

}  // namespace

ModelSeries::ModelSeries(const MetricFamilies& families, std::string name)
    : name_(std::move(name)),
      running_(Add(families.sequences, {{"state", "running"}})),
      waiting_(Add(families.sequences, {{"state", "waiting"}})),
      serving_(Add(families.serving, {})),
      detached_(Add(families.detached, {})),
      load_seconds_(Add(families.load_seconds, {})),
      switched_(Add(families.swaps, {{"result", "switched"}})),
      rolled_back_(Add(families.swaps, {{"result", "rolled_back"}})),
      failed_(Add(families.swaps, {{"result", "failed"}})),
      cancelled_(Add(families.swaps, {{"result", "cancelled"}})),
      assigned_bytes_(Add(families.weight_bytes, {{"disposition", "assigned"}})),
      copied_bytes_(Add(families.weight_bytes, {{"disposition", "copied"}})),
      tied_bytes_(Add(families.weight_bytes, {{"disposition", "tied"}})),
      weights_size_(Add(families.weights_size, {})),
      weights_read_(Add(families.weights_read, {})),
      steady_tokens_(Add(families.steady_generated_tokens, {})),
      steady_seconds_(Add(families.steady_decode_seconds, {})),
      last_used_(&families.last_used, {{"model", name_}}),
      weights_mapped_(&families.weights_mapped, {{"model", name_}}),
      weights_resident_(&families.weights_resident, {{"model", name_}}),
      residency_sampled_(&families.residency_sampled, {{"model", name_}}) {
  ModelMetrics& m = metrics_;
  m.time_to_first_token = AddByResidency(families.time_to_first_token, {});
  m.queue = AddByResidency(families.queue, {});
  m.inter_token_latency_first_pass =
      AddByResidency(families.inter_token_latency, {{"phase", "first_pass"}});
  m.inter_token_latency_steady =
      AddByResidency(families.inter_token_latency, {{"phase", "steady"}});
  m.prompt_tokens = Add(families.prompt_tokens, {});
  m.generated_tokens = Add(families.generated_tokens, {});
}

ModelSeries::~ModelSeries() {
  for (const std::function<void()>& remove : removals_) remove();
}

ModelMetrics::ByResidency<Histogram*> ModelSeries::AddByResidency(Family<Histogram>& family,
                                                                  const Labels& labels) {
  ModelMetrics::ByResidency<Histogram*> histograms = {};
  for (size_t i = 0; i < histograms.size(); ++i) {
    Labels all = labels;
    all.emplace("residency", std::string(ResidencyName(static_cast<ResidencyClass>(i))));
    histograms[i] = Add(family, std::move(all), LatencyBuckets());
  }
  return histograms;
}

void ModelSeries::SetFacts(const ModelFacts& facts, absl::Duration load_time) {
  load_seconds_->Set(absl::ToDoubleSeconds(load_time));
  assigned_bytes_->Set(static_cast<double>(facts.assigned_bytes));
  copied_bytes_->Set(static_cast<double>(facts.copied_bytes));
  tied_bytes_->Set(static_cast<double>(facts.tied_bytes));
  weights_size_->Set(static_cast<double>(facts.assigned_bytes));
}

void ModelSeries::SetServing(bool serving) { serving_->Set(serving ? 1 : 0); }

void ModelSeries::CountSwap(const absl::Status& status) {
  Counter* const result = status.ok()                 ? switched_
                          : absl::IsCancelled(status) ? cancelled_
                                                      : failed_;
  result->Increment();
}

void ModelSeries::CountRollback() { rolled_back_->Increment(); }

void ModelSeries::Set(const ModelReading& reading) {
  running_->Set(static_cast<double>(reading.running));
  waiting_->Set(static_cast<double>(reading.waiting));
  detached_->Set(reading.detached ? 1 : 0);
  residency_sampled_.Set(Timestamp(reading.residency_sampled));
  weights_mapped_.Set(Number(reading.mapped_bytes));
  weights_resident_.Set(Number(reading.resident_bytes));
  for (const auto& [version, totals] : reading.versions) AddTotals(version, totals);
  last_used_.Set(Timestamp(last_use_));
}

void ModelSeries::RetireVersion(int64_t version, const VersionTotals& totals) {
  AddTotals(version, totals);
  counted_.erase(version);
}

// Of two scrapes at once the later reading may come first.
void ModelSeries::AddTotals(int64_t version, const VersionTotals& totals) {
  VersionTotals& counted = counted_[version];
  const auto add = [](Counter* counter, auto* before, auto now) {
    const auto more = now - *before;
    if (more <= decltype(more){}) return;
    *before = now;
    if constexpr (std::is_same_v<decltype(now), absl::Duration>) {
      counter->Increment(absl::ToDoubleSeconds(more));
    } else {
      counter->Increment(static_cast<double>(more));
    }
  };
  add(weights_read_, &counted.weights_read_bytes, totals.weights_read_bytes);
  add(steady_tokens_, &counted.steady_tokens, totals.steady_tokens);
  add(steady_seconds_, &counted.steady_time, totals.steady_time);
  if (!last_use_.has_value() || totals.last_used > last_use_) last_use_ = totals.last_used;
}

}  // namespace firstlight
