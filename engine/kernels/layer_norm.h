#ifndef FIRSTLIGHT_ENGINE_KERNELS_LAYER_NORM_H_
#define FIRSTLIGHT_ENGINE_KERNELS_LAYER_NORM_H_

// Layer normalization (Ba et al., arXiv:1607.06450) of one token's row, float32:
//
//   output[i] = (input[i] - mean) / sqrt(variance + epsilon) * (weight_offset + weight[i]) +
//   bias[i]
//
// One implementation, the same bits on every machine: sums over the row have the 16 lanes and the
// tree of product.h, the variance is taken around the mean.

#include <cstdint>

#include "engine/kernels/weight_rows.h"

namespace firstlight {

// weight is [1, count], bias too or absent. output may be input. Rows need not be aligned.
void LayerNorm(const float* input, int64_t count, const WeightRows& weight, const WeightRows& bias,
               float weight_offset, float epsilon, float* output);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_LAYER_NORM_H_
