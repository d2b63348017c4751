#ifndef FIRSTLIGHT_ENGINE_GENERATION_OPTIONS_H_
#define FIRSTLIGHT_ENGINE_GENERATION_OPTIONS_H_

// The options of a request: checked, then resolved against the checkpoint's generation_config.json
// and the server's defaults, in that order.
//
// Errors are INVALID_ARGUMENT, name the field by its path in generation.proto, what was expected
// and what was found: `sampling.top_p: expected a number in (0, 1], found 1.5`. Pure functions.

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generation.h"
#include "engine/generation_config.h"
#include "engine/sampling/sampling_parameters.h"

namespace firstlight {

// Limits of one request, as generation.proto states them.
inline constexpr int64_t kMaxNumSequences = 16;
inline constexpr int64_t kMaxStopSequences = 16;
inline constexpr int64_t kMaxStopSequenceBytes = 1024;
inline constexpr int64_t kMaxStopTokenIds = 64;
inline constexpr int64_t kMaxLogitBiases = 1024;
inline constexpr int64_t kMaxBadWords = 256;  // texts, and sequences of ids
inline constexpr int64_t kMaxBadWordBytes = 256;
inline constexpr int64_t kMaxBadWordTokens = 64;
inline constexpr int64_t kMaxAllowedTokenIds = 65536;
inline constexpr int64_t kMaxTopLogprobs = 20;
inline constexpr int64_t kMaxPromptBytes = int64_t{8} << 20;

// What a request is resolved against.
struct ModelLimits {
  int64_t vocab_size = 0;
  int64_t context_length = 0;
  // Positions that the whole KV cache budget holds for one sequence of this model.
  int64_t cache_positions = 0;
};

struct ResolvedOptions {
  SamplingParameters sampling;
  int64_t max_tokens = 0;  // after clamping to the context; 0 when the prompt fills it
  // What a sequence that reaches max_tokens ends with: kMaxTokens or kContextLimit.
  FinishReason at_max_tokens = FinishReason::kMaxTokens;
  int64_t min_tokens = 0;
  std::vector<int32_t> eos_token_ids;   // ascending; empty under ignore_eos
  std::vector<int32_t> stop_token_ids;  // ascending
  // Both of them, ascending: what must not come before min_tokens.
  std::vector<int32_t> end_token_ids;
};

// Everything that can be checked without a model. The first error found.
absl::Status CheckRequest(const GenerationRequest& request);

// OK when `prompt` is not empty, every id is in the vocabulary and it is no longer than the
// context.
absl::Status CheckPrompt(absl::Span<const int32_t> prompt, const GenerationRequest& request,
                         const ModelLimits& limits);

// REQUIRES: CheckRequest is OK and so is CheckPrompt for a prompt of `prompt_tokens`. `drawn_seed`
// is used when the request has none; `bad_words` is what the tokenizer made of
// sampling.bad_words. Refuses a request that its KV cache could not hold if it ran
// alone to its last token: it could never be certain to end.
absl::StatusOr<ResolvedOptions> ResolveOptions(const GenerationRequest& request,
                                               int64_t prompt_tokens, const ModelLimits& limits,
                                               const GenerationConfig& config,
                                               int64_t default_max_tokens, uint64_t drawn_seed,
                                               std::vector<std::vector<int32_t>> bad_words = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_GENERATION_OPTIONS_H_
