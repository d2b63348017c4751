#ifndef FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_H_
#define FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_H_

// The product of activations and a weight:
//
//   output[t, o] = sum over i of input[t, i] * weight[o, i]   (+ bias[o])
//
// Order of the sum. The input is thought padded with zeros to a multiple of 16. Lane j of 16 starts
// at +0 and takes i = j, j + 16, j + 32, ... in turn, each by one fused multiply-add. The lanes are
// then added as a tree: j with j + 8, j with j + 4, j with j + 2, 0 with 1. The bias is one
// addition after that. Nothing else enters: not the number of tokens, not the tile or the worker
// that an output falls to, not the instruction set. Every variant gives the same bits.
//
// How a caller multiplies, on any number of workers:
//   1. PackActivations, tokens split among the workers as it likes; wait for all.
//      Several weights with the same input (query, key and value; gate and up) share the packing.
//   2. Kernels::product, rows split among the workers as it likes (ProductRowChunk suggests how).

#include <cstdint>

#include "engine/kernels/weight_rows.h"

namespace firstlight {

// Floats that the packing of [tokens, columns] takes. REQUIRES: the buffer is 64-byte aligned.
int64_t PackedActivationFloats(int64_t tokens, int64_t columns);

// Copies rows [token_begin, token_end) of `input`, [tokens, columns] with `input_stride` floats
// from a row to the next, into their places in `packed`. Every row must be packed before the
// product; rows are independent, so any split among threads will do.
void PackActivations(const float* input, int64_t input_stride, int64_t tokens, int64_t columns,
                     int64_t token_begin, int64_t token_end, float* packed);

// Floats of `scratch` that a worker needs for a product of any size, 64-byte aligned.
inline constexpr int64_t kProductScratchFloats = int64_t{64} * 1024;

struct ProductArgs {
  const float* packed = nullptr;  // by PackActivations, of [tokens, weight.columns]
  int64_t tokens = 0;
  WeightRows weight = {};     // [out, in]
  WeightRows bias = {};       // [1, out], or absent
  float* output = nullptr;    // [tokens, out]
  int64_t output_stride = 0;  // floats from a token's outputs to the next's, >= out
};

// Writes output[:, row_begin..row_end). Threads: calls with disjoint rows may run at once, each
// with a scratch of its own. Never fails or blocks; tokens, rows and columns may be 0 (an empty
// sum is +0).
using ProductFunction = void (*)(const ProductArgs& args, int64_t row_begin, int64_t row_end,
                                 float* scratch);

// Rows to give to a worker at a time: few enough that `workers` end together, many enough that a
// chunk is worth its hand-over, whole tiles.
int64_t ProductRowChunk(int64_t rows, int64_t columns, int64_t tokens, int workers);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_H_
