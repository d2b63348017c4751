#ifndef FIRSTLIGHT_ENGINE_DECODER_ROPE_H_
#define FIRSTLIGHT_ENGINE_DECODER_ROPE_H_

// Rotary position frequencies of a sequence (Su et al., arXiv:2104.09864; the scaled variants as
// transformers' modeling_rope_utils.py defines them).
//
// Pair i of a head's rotary dimensions turns by `position * inverse_frequencies[i]` radians.
//
// Dynamic scaling and longrope depend on the sequence's length. transformers computes them from the
// longest position of a batch; here they are fixed when a sequence is admitted, by its prompt's
// length, as transformers has them after it prefilled that prompt whole.

#include <cstdint>
#include <vector>

#include "engine/decoder/decoder_spec.h"

namespace firstlight {

struct RopeTable {
  std::vector<float> inverse_frequencies;  // [rotary_dim / 2], radians a position
  float attention_factor = 1.0F;           // of cosine and sine
};

struct RopeFrequencies {
  std::vector<RopeTable> tables;  // one for each of DecoderSpec::ropes
};

// The frequencies of a sequence whose prompt has `prompt_tokens` tokens.
// REQUIRES: rotary_dim is even, and above 2 under dynamic scaling.
RopeTable ComputeRopeTable(const RopeSpec& rope, int64_t prompt_tokens);

RopeFrequencies ComputeRopeFrequencies(const DecoderSpec& spec, int64_t prompt_tokens);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_ROPE_H_
