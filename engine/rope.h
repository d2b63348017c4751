#ifndef FIRSTLIGHT_ENGINE_ROPE_H_
#define FIRSTLIGHT_ENGINE_ROPE_H_

// Rotary position frequencies of a sequence (Su et al., arXiv:2104.09864; the scaled variants as
// transformers' modeling_rope_utils.py defines them).
//
// Pair i of a head's dimensions turns by `position * inverse_frequencies[i]` radians.
//
// Dynamic scaling depends on the sequence's length. transformers computes it from the longest
// position of a batch; here it is fixed when a sequence is admitted, by its prompt's length, as
// transformers has it after it prefilled that prompt whole.

#include <cstdint>
#include <vector>

#include "engine/decoder_spec.h"

namespace firstlight {

struct RopeFrequencies {
  std::vector<float> inverse_frequencies;  // [head_dim / 2], radians a position
};

// The frequencies of a sequence whose prompt has `prompt_tokens` tokens.
// REQUIRES: head_dim is even, and above 2 under dynamic scaling.
RopeFrequencies ComputeRopeFrequencies(const RopeSpec& rope, int64_t head_dim,
                                       int64_t prompt_tokens);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ROPE_H_
