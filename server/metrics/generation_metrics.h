#ifndef FIRSTLIGHT_SERVER_METRICS_GENERATION_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_GENERATION_METRICS_H_

// What one Generate request adds to its model's latency and token metrics, from its events as they
// arrive. Called on the engine's threads, one event at a time; a call costs a short lock.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "engine/generation.h"
#include "server/metrics/model_metrics.h"

namespace firstlight {

class GenerationMetrics {
 public:
  // `metrics` are those of the model that the request is pinned to.
  GenerationMetrics(ModelMetrics metrics, absl::Time arrival);

  void OnStarted(const StartedEvent& event);
  void OnFirstToken(const FirstTokenEvent& event, absl::Time now);
  // REQUIRES: the event lists its tokens. `held_back`: the client's stream was full since the last
  // event, so that the gap says nothing about the server.
  void OnDelta(const DeltaEvent& event, absl::Time now, bool held_back);

  int64_t generated_tokens() const { return generated_tokens_; }
  std::optional<absl::Duration> time_to_first_token() const { return time_to_first_token_; }
  std::optional<absl::Duration> queue() const { return queue_; }
  // Unset before the first token.
  std::optional<ResidencyClass> residency() const { return residency_; }

 private:
  const ModelMetrics metrics_;
  const absl::Time arrival_;
  int64_t generated_tokens_ = 0;
  std::optional<absl::Duration> time_to_first_token_;
  std::optional<absl::Duration> queue_;
  std::optional<ResidencyClass> residency_;
  std::vector<absl::Time> last_token_;  // by index; InfinitePast before the first
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_GENERATION_METRICS_H_
