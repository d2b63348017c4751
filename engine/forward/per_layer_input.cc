// engine/decoder/per_layer_input_spec.h has the formulas.

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "engine/decoder/weight_slots.h"
#include "engine/forward/state.h"

namespace firstlight {

// REQUIRES: `hidden` is the embedding.
void ForwardPass::State::ComputePerLayerInputs() {
  const int64_t all = spec.num_hidden_layers * spec.per_layer_input.size;
  Pack(activations.hidden, spec.hidden_size);
  Multiply({Product(weights.per_layer_projection, activations.per_layer_input, all)});
  ForRows(tokens, 4 * all, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) ComputePerLayerInput(t);
  });
}

void ForwardPass::State::ComputePerLayerInput(int64_t row) {
  const int64_t size = spec.per_layer_input.size;
  const int64_t all = spec.num_hidden_layers * size;
  const auto projection_scale =
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(spec.hidden_size)));
  const auto row_scale = static_cast<float>(std::sqrt(static_cast<double>(size)));
  constexpr auto kHalf = static_cast<float>(1.0 / std::numbers::sqrt2);
  float* const input = activations.per_layer_input + row * all;
  std::vector<float> embedded(static_cast<size_t>(all));
  const WeightRows of_token =
      SliceRows(weights.per_layer_embedding, rows[static_cast<size_t>(row)].token, 1);
  kernels.widen_row(of_token.data, of_token.type, all, row_scale, embedded.data());
  for (int64_t i = 0; i < all; ++i) input[i] *= projection_scale;
  for (int64_t layer = 0; layer < spec.num_hidden_layers; ++layer) {
    float* const of_layer = input + layer * size;
    Norm(spec.norm, weights.per_layer_norm, of_layer, size, of_layer);
  }
  for (int64_t i = 0; i < all; ++i) {
    input[i] = (input[i] + embedded[static_cast<size_t>(i)]) * kHalf;
  }
}

void ForwardPass::State::AddPerLayerInput(int64_t layer) {
  const PerLayerInputWeights& w = weights.layers[static_cast<size_t>(layer)].per_layer_input;
  const int64_t size = spec.per_layer_input.size;
  const int64_t all = spec.num_hidden_layers * size;
  float* const gate = activations.per_layer_gate;
  JoinAndPack();
  Multiply({Product(w.gate, gate, size)});
  ForRows(tokens, 8 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Activate(spec.feed_forward.activation, XieluParameters(), kernels,
               activations.per_layer_input + t * all + layer * size, size, gate + t * size);
    }
  });
  Pack(gate, size);
  Multiply({Product(w.up, activations.delta, spec.hidden_size)});
  LeaveDelta(w.output_norm);
}

}  // namespace firstlight
