#include "engine/kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/product_layout.h"
#include "engine/kernels/reference/scalar.h"

namespace firstlight {
namespace {

// The sum of function(input[i]) over the row.
template <typename Function>
float SumOf(const float* input, int64_t count, Function function) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += function(input[i + lane]);
  }
  for (int64_t lane = 0; i + lane < count; ++lane) lanes[lane] += function(input[i + lane]);
  return reference::SumLanes(lanes);
}

// Eight or so elements a step, of the type that `type` names.
void WidenLanes(const WeightRows& row, int64_t first, int64_t count, float* lanes) {
  for (int64_t lane = 0; lane < count; ++lane) {
    lanes[lane] = reference::LoadElement(row.data, row.type, first + lane);
  }
}

}  // namespace

void LayerNorm(const float* input, int64_t count, const WeightRows& weight, const WeightRows& bias,
               float weight_offset, float epsilon, float* output) {
  const auto size = static_cast<float>(count);
  const float mean = SumOf(input, count, [](float x) { return x; }) / size;
  const float variance =
      SumOf(input, count, [mean](float x) { return (x - mean) * (x - mean); }) / size;
  const float scale = 1.0F / std::sqrt(variance + epsilon);
  float weights[kLanes];
  float biases[kLanes] = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = std::min(kLanes, count - i);
    WidenLanes(weight, i, lanes, weights);
    if (bias.data != nullptr) WidenLanes(bias, i, lanes, biases);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const float normal = (input[i + lane] - mean) * scale;
      output[i + lane] = normal * (weight_offset + weights[lane]) + biases[lane];
    }
  }
}

}  // namespace firstlight
