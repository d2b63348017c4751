#include "server/metrics/generation_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <utility>

namespace firstlight {
namespace {

// Of the class of a request's residency. Null where the name is gone.
prometheus::Histogram* Of(ResidencyClass residency,
                          const ModelMetrics::ByResidency<prometheus::Histogram*>& histograms) {
  return histograms[static_cast<size_t>(residency)];
}

void Observe(prometheus::Histogram* histogram, absl::Duration duration) {
  if (histogram != nullptr) histogram->Observe(absl::ToDoubleSeconds(duration));
}

void Add(prometheus::Counter* counter, int64_t count) {
  if (counter != nullptr) counter->Increment(static_cast<double>(count));
}

}  // namespace

GenerationMetrics::GenerationMetrics(ModelMetrics metrics, absl::Time arrival)
    : metrics_(metrics), arrival_(arrival) {}

void GenerationMetrics::OnStarted(const StartedEvent& event) {
  Add(metrics_.prompt_tokens, event.prompt_tokens);
}

void GenerationMetrics::OnFirstToken(const FirstTokenEvent& event, absl::Time now) {
  residency_ = event.residency.residency;
  queue_ = event.queue;
  time_to_first_token_ = now - arrival_;
  Observe(Of(*residency_, metrics_.queue), *queue_);
  Observe(Of(*residency_, metrics_.time_to_first_token), *time_to_first_token_);
}

void GenerationMetrics::OnDelta(const DeltaEvent& event, absl::Time now, bool held_back) {
  // Without tokens it is the prompt, as the request asked for it.
  if (event.tokens.empty() || !residency_.has_value()) return;
  const auto count = static_cast<int64_t>(event.tokens.size());
  generated_tokens_ += count;
  Add(metrics_.generated_tokens, count);
  const auto index = static_cast<size_t>(event.index);
  if (index >= last_token_.size()) last_token_.resize(index + 1, absl::InfinitePast());
  const absl::Time last = std::exchange(last_token_[index], now);
  if (last == absl::InfinitePast() || held_back) return;
  prometheus::Histogram* const histogram =
      Of(*residency_, event.waited_for_weights ? metrics_.inter_token_latency_first_pass
                                               : metrics_.inter_token_latency_steady);
  for (int64_t i = 0; i < count; ++i) Observe(histogram, (now - last) / count);
}

}  // namespace firstlight
