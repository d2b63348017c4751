#ifndef FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_

// The steps that change single logits before temperature, in transformers' order
// (generation/utils.py, _get_logits_processor): bias, repetition penalty, minimum length.
//
//   bias                  logit += bias                               SequenceBiasLogitsProcessor
//   repetition penalty r  logit < 0 ? logit * r : logit / r RepetitionPenaltyLogitsProcessor
//   frequency penalty f   logit -= f * (times generated)              OpenAI's API; not in
//   transformers presence penalty p    logit -= p once generated                   OpenAI's API;
//   not in transformers suppressed            logit = -infinity MinNewTokensLengthLogitsProcessor
//
// The repetition penalty counts the prompt and what was generated, the other two only what was
// generated. They stand after it, as in vLLM.

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "engine/sampling/sampling_parameters.h"

namespace firstlight {

// How often a sequence holds which token. Not thread safe.
class TokenCounts {
 public:
  void AddPrompt(absl::Span<const int32_t> ids);
  void AddGenerated(int32_t id) { ++generated_[id]; }

  // id -> times generated; 0 for tokens of the prompt only.
  const absl::flat_hash_map<int32_t, int64_t>& generated() const { return generated_; }

 private:
  absl::flat_hash_map<int32_t, int64_t> generated_;
};

// Whether ApplyProcessors would change anything.
bool ProcessorsChangeLogits(const SamplingParameters& parameters,
                            absl::Span<const int32_t> suppressed);

// Applies the steps above to `scores`, [vocabulary]. Ids beyond the vocabulary are ignored.
// REQUIRES: `counts` is not null where parameters.counts_tokens().
void ApplyProcessors(const SamplingParameters& parameters, const TokenCounts* counts,
                     absl::Span<const int32_t> suppressed, absl::Span<float> scores);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_
