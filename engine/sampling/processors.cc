#include "engine/sampling/processors.h"

#include <limits>

namespace firstlight {
namespace {

bool InRange(int32_t id, absl::Span<float> scores) {
  return id >= 0 && static_cast<size_t>(id) < scores.size();
}

}  // namespace

void TokenCounts::AddPrompt(absl::Span<const int32_t> ids) {
  for (const int32_t id : ids) {
    generated_.try_emplace(id, 0);
  }
}

bool ProcessorsChangeLogits(const SamplingParameters& parameters,
                            absl::Span<const int32_t> suppressed) {
  return !parameters.logit_bias.empty() || parameters.counts_tokens() || !suppressed.empty();
}

void ApplyProcessors(const SamplingParameters& parameters, const TokenCounts* counts,
                     absl::Span<const int32_t> suppressed, absl::Span<float> scores) {
  for (const auto& [id, bias] : parameters.logit_bias) {
    if (InRange(id, scores)) {
      scores[id] += bias;
    }
  }
  if (parameters.counts_tokens()) {
    const auto repetition = static_cast<float>(parameters.repetition_penalty);
    const auto frequency = static_cast<float>(parameters.frequency_penalty);
    const auto presence = static_cast<float>(parameters.presence_penalty);
    for (const auto& [id, times] : counts->generated()) {
      if (!InRange(id, scores)) {
        continue;
      }
      float& score = scores[id];
      score = score < 0 ? score * repetition : score / repetition;
      score -= frequency * static_cast<float>(times);
      score -= times > 0 ? presence : 0.0F;
    }
  }
  for (const int32_t id : suppressed) {
    if (InRange(id, scores)) {
      scores[id] = -std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace firstlight
