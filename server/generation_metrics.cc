#include "server/generation_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <utility>

namespace firstlight {

GenerationMetrics::GenerationMetrics(ModelMetrics metrics, absl::Time arrival)
    : metrics_(metrics), arrival_(arrival) {}

void GenerationMetrics::OnStarted(const StartedEvent& event) {
  if (metrics_.prompt_tokens != nullptr) {
    metrics_.prompt_tokens->Increment(static_cast<double>(event.prompt_tokens));
  }
}

void GenerationMetrics::OnDelta(const DeltaEvent& event, absl::Time now, bool held_back) {
  if (event.tokens.empty()) return;
  const auto count = static_cast<int64_t>(event.tokens.size());
  generated_tokens_ += count;
  if (metrics_.generated_tokens != nullptr) {
    metrics_.generated_tokens->Increment(static_cast<double>(count));
  }
  if (!time_to_first_token_.has_value()) {
    time_to_first_token_ = now - arrival_;
    if (metrics_.time_to_first_token != nullptr) {
      metrics_.time_to_first_token->Observe(absl::ToDoubleSeconds(*time_to_first_token_));
    }
  }
  const auto index = static_cast<size_t>(event.index);
  if (index >= last_token_.size()) last_token_.resize(index + 1, absl::InfinitePast());
  const absl::Time last = std::exchange(last_token_[index], now);
  if (last == absl::InfinitePast() || held_back || metrics_.inter_token_latency == nullptr) return;
  for (int64_t i = 0; i < count; ++i) {
    metrics_.inter_token_latency->Observe(absl::ToDoubleSeconds((now - last) / count));
  }
}

void GenerationMetrics::OnFinished(const FinishedEvent& event) {
  if (queue_.has_value()) return;  // one queue for all sequences of a request
  queue_ = event.timings.queue;
  if (metrics_.queue != nullptr) metrics_.queue->Observe(absl::ToDoubleSeconds(*queue_));
}

}  // namespace firstlight
