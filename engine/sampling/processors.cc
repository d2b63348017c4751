#include "engine/sampling/processors.h"

#include <algorithm>
#include <limits>

namespace firstlight {
namespace {

constexpr float kRuledOut = -std::numeric_limits<float>::infinity();

bool InRange(int32_t id, absl::Span<float> scores) {
  return id >= 0 && static_cast<size_t>(id) < scores.size();
}

void RuleOut(absl::Span<const int32_t> ids, absl::Span<float> scores) {
  for (const int32_t id : ids) {
    if (InRange(id, scores)) {
      scores[id] = kRuledOut;
    }
  }
}

// Whether the word would be complete with its last token.
bool AwaitsLastToken(absl::Span<const int32_t> word, absl::Span<const int32_t> tokens) {
  const size_t before = word.size() - 1;
  return before <= tokens.size() &&
         std::equal(word.begin(), word.end() - 1, tokens.end() - static_cast<int64_t>(before));
}

void RuleOutAllBut(absl::Span<const int32_t> ascending, absl::Span<float> scores) {
  size_t next = 0;
  for (const int32_t id : ascending) {
    if (!InRange(id, scores)) {
      break;
    }
    std::fill(scores.begin() + next, scores.begin() + id, kRuledOut);
    next = static_cast<size_t>(id) + 1;
  }
  std::fill(scores.begin() + next, scores.end(), kRuledOut);
}

}  // namespace

void TokenCounts::AddPrompt(absl::Span<const int32_t> ids) {
  for (const int32_t id : ids) {
    generated_.try_emplace(id, 0);
  }
}

bool ProcessorsChangeLogits(const SamplingParameters& parameters, const ProcessorContext& context) {
  return !parameters.logit_bias.empty() || parameters.counts_tokens() ||
         parameters.rules_out_tokens() || !context.suppressed.empty();
}

void ApplyProcessors(const SamplingParameters& parameters, const ProcessorContext& context,
                     absl::Span<float> scores) {
  for (const auto& [id, bias] : parameters.logit_bias) {
    if (InRange(id, scores)) {
      scores[id] += bias;
    }
  }
  if (parameters.counts_tokens()) {
    const auto repetition = static_cast<float>(parameters.repetition_penalty);
    const auto frequency = static_cast<float>(parameters.frequency_penalty);
    const auto presence = static_cast<float>(parameters.presence_penalty);
    for (const auto& [id, times] : context.counts->generated()) {
      if (!InRange(id, scores)) {
        continue;
      }
      float& score = scores[id];
      score = score < 0 ? score * repetition : score / repetition;
      score -= frequency * static_cast<float>(times);
      score -= times > 0 ? presence : 0.0F;
    }
  }
  for (const std::vector<int32_t>& word : parameters.bad_words) {
    if (AwaitsLastToken(word, context.tokens)) {
      RuleOut({word.back()}, scores);
    }
  }
  RuleOut(context.suppressed, scores);
  if (!parameters.allowed_token_ids.empty()) {
    RuleOutAllBut(parameters.allowed_token_ids, scores);
  }
}

}  // namespace firstlight
