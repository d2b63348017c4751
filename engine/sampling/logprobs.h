#ifndef FIRSTLIGHT_ENGINE_SAMPLING_LOGPROBS_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_LOGPROBS_H_

// Log-probabilities of tokens under the raw logits (log-softmax), before any processor.

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "engine/sampling/sampler.h"

namespace firstlight {

struct Logprobs {
  double chosen = 0;                            // of the token asked for; natural logarithm
  std::vector<std::pair<int32_t, double>> top;  // best first; the lower id first among equals
};

// `top_count` alternatives, fewer when the vocabulary is smaller. Sums in one order that the row's
// length decides. REQUIRES: finite maximum and no NaN in `logits` (SampleToken accepted them),
// 0 <= id < logits.size().
Logprobs ComputeLogprobs(absl::Span<const float> logits, int32_t id, int64_t top_count,
                         SamplerScratch* scratch);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_LOGPROBS_H_
