#ifndef FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_

// The steps that change single logits before temperature, in transformers' order
// (generation/utils.py, _get_logits_processor): bias, repetition penalty, bad words, minimum
// length, allowed tokens.
//
//   bias                  logit += bias                            SequenceBiasLogitsProcessor
//   repetition penalty r  logit < 0 ? logit * r : logit / r        RepetitionPenaltyLogitsProcessor
//   frequency penalty f   logit -= f * (times generated)           OpenAI's API
//   presence penalty p    logit -= p once generated                OpenAI's API
//   bad words             last token of one whose others were the  NoBadWordsLogitsProcessor
//                         last tokens so far: logit = -infinity
//   suppressed            logit = -infinity MinNewTokensLengthLogitsProcessor allowed tokens every
//   other logit = -infinity            PrefixConstrainedLogitsProcessor
//
// The repetition penalty and bad words look at the prompt and at what was generated, OpenAI's two
// penalties only at what was generated. They stand after the repetition penalty, as in vLLM.

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

// What the steps know of the sequence besides its request's parameters.
struct ProcessorContext {
  const TokenCounts* counts = nullptr;        // needed when counts_tokens()
  absl::Span<const int32_t> tokens = {};      // of prompt and answer so far; needed for bad words
  absl::Span<const int32_t> suppressed = {};  // ids that must not come now
};

// Whether ApplyProcessors would change anything.
bool ProcessorsChangeLogits(const SamplingParameters& parameters, const ProcessorContext& context);

// Applies the steps above to `scores`, [vocabulary]. Ids beyond the vocabulary are ignored.
void ApplyProcessors(const SamplingParameters& parameters, const ProcessorContext& context,
                     absl::Span<float> scores);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_PROCESSORS_H_
