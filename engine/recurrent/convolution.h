#ifndef FIRSTLIGHT_ENGINE_RECURRENT_CONVOLUTION_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_CONVOLUTION_H_

// A causal depthwise convolution over the rows of one sequence, which goes on from the rows that
// came before them:
//
//   output[t, c] = sum over k of weight[c, k] * input[t - kernel + 1 + k, c]   (+ bias[c])
//
// The sum starts at +0 (the bias is added at its end) and runs over k in increasing order by fused
// multiply-adds, so that it does not depend on how the rows of a sequence are cut. Rows before the
// first are zeros.

#include <cstdint>

#include "engine/kernels/kernels.h"
#include "engine/kernels/weight_rows.h"

namespace firstlight {

struct ConvolutionArgs {
  WeightRows weight;             // [channels, kernel]
  WeightRows bias = {};          // [1, channels], or absent
  const float* input = nullptr;  // [rows, channels]
  int64_t input_stride = 0;      // floats from a row to the next
  float* output = nullptr;       // [rows, channels]; must not overlap the input
  int64_t output_stride = 0;     // floats from a row to the next
  int64_t rows = 0;              // at least 1
  float* state = nullptr;        // [kernel - 1, channels], the inputs before them
  bool begins = false;           // there are none: the state is not read
};

// The largest kernel.
inline constexpr int64_t kMaxConvolutionKernel = 16;

// Computes channels [channel_begin, channel_end) of every row and leaves the last inputs in the
// state. Threads: calls for disjoint channels may run at once. REQUIRES: kernel is at most
// kMaxConvolutionKernel.
void Convolve(const ConvolutionArgs& args, const Kernels& kernels, int64_t channel_begin,
              int64_t channel_end);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_CONVOLUTION_H_
