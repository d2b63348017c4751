#ifndef FIRSTLIGHT_ENGINE_DECODER_ALIBI_H_
#define FIRSTLIGHT_ENGINE_DECODER_ALIBI_H_

// Attention with linear biases (Press et al., arXiv:2108.12409): a score is lowered by the distance
// between query and key, each head by its own slope.

#include <cstdint>
#include <vector>

#include "engine/decoder/decoder_spec.h"

namespace firstlight {

// [heads], as transformers' bloom and mpt have them; empty where the spec has none.
std::vector<float> AlibiSlopes(const AttentionSpec& attention, int64_t heads);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_ALIBI_H_
