#include "engine/recurrent/convolution.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace firstlight {
namespace {

// Channels at a time: a number that the compiler knows, so that it uses vectors.
constexpr int64_t kTile = 16;

struct Tile {
  alignas(64) float weight[kMaxConvolutionKernel][kTile];
  alignas(64) float bias[kTile];
};

// The weights of `count` channels from `channel` on, a row for each k; zeros for the rest.
void LoadTile(const ConvolutionArgs& args, const Kernels& kernels, int64_t channel, int64_t count,
              Tile* tile) {
  const WeightRows& weight = args.weight;
  const int64_t kernel = weight.columns;
  float row[kMaxConvolutionKernel];
  for (int64_t c = 0; c < kTile; ++c) {
    std::fill(row, row + kernel, 0.0F);
    if (c < count) {
      const auto* const data = static_cast<const std::byte*>(weight.data) +
                               WeightBytes(weight.type, (channel + c) * weight.row_stride);
      kernels.widen_row(data, weight.type, kernel, 1.0F, row);
    }
    for (int64_t k = 0; k < kernel; ++k) tile->weight[k][c] = row[k];
  }
  std::fill(tile->bias, tile->bias + kTile, 0.0F);
  if (args.bias.data != nullptr) {
    const auto* const data =
        static_cast<const std::byte*>(args.bias.data) + WeightBytes(args.bias.type, channel);
    kernels.widen_row(data, args.bias.type, count, 1.0F, tile->bias);
  }
}

// The inputs of row `row`, which may be one of those before the first.
const float* InputRow(const ConvolutionArgs& args, int64_t row, int64_t channel) {
  const int64_t kept = args.weight.columns - 1;
  return row >= 0 ? args.input + row * args.input_stride + channel
                  : args.state + (row + kept) * args.weight.rows + channel;
}

void ConvolveTile(const ConvolutionArgs& args, const Tile& tile, int64_t channel, int64_t count) {
  const int64_t kernel = args.weight.columns;
  const bool has_bias = args.bias.data != nullptr;
  for (int64_t row = 0; row < args.rows; ++row) {
    alignas(64) float sum[kTile] = {};
    for (int64_t k = 0; k < kernel; ++k) {
      const float* const input = InputRow(args, row - kernel + 1 + k, channel);
      if (count == kTile) {
        for (int64_t c = 0; c < kTile; ++c) sum[c] = std::fma(tile.weight[k][c], input[c], sum[c]);
      } else {
        for (int64_t c = 0; c < count; ++c) sum[c] = std::fma(tile.weight[k][c], input[c], sum[c]);
      }
    }
    if (has_bias) {
      for (int64_t c = 0; c < kTile; ++c) sum[c] += tile.bias[c];
    }
    std::copy_n(sum, count, args.output + row * args.output_stride + channel);
  }
}

// The last inputs, those of the state included where there are few rows.
void KeepInputs(const ConvolutionArgs& args, int64_t channel, int64_t count) {
  const int64_t kept = args.weight.columns - 1;
  for (int64_t i = 0; i < kept; ++i) {
    std::copy_n(InputRow(args, args.rows - kept + i, channel), count,
                args.state + i * args.weight.rows + channel);
  }
}

}  // namespace

void Convolve(const ConvolutionArgs& args, const Kernels& kernels, int64_t channel_begin,
              int64_t channel_end) {
  for (int64_t channel = channel_begin; channel < channel_end; channel += kTile) {
    const int64_t count = std::min(kTile, channel_end - channel);
    if (args.begins) {
      for (int64_t i = 0; i < args.weight.columns - 1; ++i) {
        std::fill_n(args.state + i * args.weight.rows + channel, count, 0.0F);
      }
    }
    Tile tile;
    LoadTile(args, kernels, channel, count, &tile);
    ConvolveTile(args, tile, channel, count);
    KeepInputs(args, channel, count);
  }
}

}  // namespace firstlight
