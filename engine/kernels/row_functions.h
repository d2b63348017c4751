#ifndef FIRSTLIGHT_ENGINE_KERNELS_ROW_FUNCTIONS_H_
#define FIRSTLIGHT_ENGINE_KERNELS_ROW_FUNCTIONS_H_

// What happens to one token's row between the products: norm, rotary embedding, gated activation,
// residual, embedding, and the two reductions over a row of logits.
//
// A row is float32, contiguous and need not be aligned. Rows are independent: the caller splits
// them among workers as it likes. Nothing blocks or fails; a count may be 0. Each function is one
// fixed sequence of float32 operations, the same bits from every variant (a NaN's payload
// excepted). Sums over a row have the 16 lanes and the tree of product.h.

#include <cstdint>

#include "engine/kernels/weight_rows.h"

namespace firstlight {

// output[i] = (weight_offset + weight[i]) * (input[i] * (1 / sqrt(mean(input^2) + epsilon)))
// Root mean square layer normalization (Zhang and Sennrich, 2019), rounded as transformers'
// LlamaRMSNorm in float32. weight is [1, count]; weight_offset is 0, or 1 where a family stores
// the weight less one. output may be input.
using RmsNormFunction = void (*)(const float* input, int64_t count, const WeightRows& weight,
                                 float weight_offset, float epsilon, float* output);

// Which elements of a head rotate together: i with i + rotary_dim / 2 (transformers'
// rotate_half), or 2 i with 2 i + 1.
enum class RopePairing : uint8_t { kHalves, kNeighbours };

// Rotates the first `rotary_dim` elements of each head of one token, in place (Su et al.,
// "RoFormer", 2021): (a, b) becomes (a cos - b sin, b cos + a sin), the first product rounded and
// the second fused. heads_data is [heads, head_dim]; cosine and sine are the token's position's,
// [rotary_dim / 2].
using RopeFunction = void (*)(float* heads_data, int64_t heads, int64_t head_dim,
                              int64_t rotary_dim, const float* cosine, const float* sine,
                              RopePairing pairing);

// output[i] = gate[i] / (1 + exp(-gate[i])) * up[i]: SwiGLU (Shazeer, 2020). output may be either.
using SiluAndMultiplyFunction = void (*)(const float* gate, const float* up, int64_t count,
                                         float* output);

// output[i] += input[i].
using AddFunction = void (*)(const float* input, int64_t count, float* output);

// output[i] = scale * row[i], a row of a weight widened to float32: embedding rows, biases.
// `row` holds `count` elements of `type`.
using WidenRowFunction = void (*)(const void* row, WeightType type, int64_t count, float scale,
                                  float* output);

// The first index of the greatest value; NaN never is. 0 when nothing is greater than -infinity.
using ArgmaxFunction = int64_t (*)(const float* input, int64_t count);

// log(sum of exp(input[i])), from the maximum on. -infinity for an empty row.
using LogSumExpFunction = float (*)(const float* input, int64_t count);

// output[i] = exp(input[i]) to within 1 ulp; gradual underflow,
// infinity above 88.72. Every kernel that exponentiates uses this one sequence.
using ExpFunction = void (*)(const float* input, int64_t count, float* output);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_ROW_FUNCTIONS_H_
