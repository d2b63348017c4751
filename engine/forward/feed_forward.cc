#include "engine/forward/state.h"

namespace firstlight {
namespace {

float Only(const Kernels& kernels, const WeightRows& rows) {
  float value = 0.0F;
  if (rows.data != nullptr) kernels.widen_row(rows.data, rows.type, 1, 1.0F, &value);
  return value;
}

XieluParameters ReadXielu(const Kernels& kernels, const XieluWeights& w) {
  XieluParameters xielu;
  if (w.alpha_positive.data == nullptr) return xielu;
  xielu.beta = Only(kernels, w.beta);
  xielu.eps = Only(kernels, w.eps);
  xielu.alpha_positive = Softplus(Only(kernels, w.alpha_positive));
  xielu.alpha_negative = xielu.beta + Softplus(Only(kernels, w.alpha_negative));
  return xielu;
}

}  // namespace

// delta = down(activation(gate(x)) * up(x)), or down(activation(up(x))), of the packed input x.
void ForwardPass::State::FeedForward(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const int64_t size = spec.intermediate_size_of(layer);
  const bool gated = spec.feed_forward.gated;
  const ProductArgs first = Product(gated ? w.gate : w.up, activations.gate, size);
  const ProductArgs up = Product(w.up, activations.up, size);
  const XieluParameters xielu = ReadXielu(kernels, w.xielu);
  const int64_t chunk =
      ProductRowChunk(size, (gated ? 2 : 1) * spec.hidden_size, tokens, workers.threads());
  workers.ParallelFor(size, chunk, [&](int64_t begin, int64_t end, int worker) {
    kernels.product(first, begin, end, activations.scratch(worker));
    if (gated) kernels.product(up, begin, end, activations.scratch(worker));
    const auto multiplier = static_cast<float>(spec.feed_forward.gate_multiplier);
    for (int64_t t = 0; t < tokens; ++t) {
      const float* const factor = gated ? activations.up + t * size + begin : nullptr;
      if (multiplier != 1.0F) {
        for (int64_t i = begin; i < end; ++i) activations.gate[t * size + i] *= multiplier;
      }
      Activate(spec.feed_forward.activation, xielu, kernels, factor, end - begin,
               activations.gate + t * size + begin);
    }
  });
  Pack(activations.gate, size);
  Multiply({Product(w.down, activations.delta, spec.hidden_size)});
}

void ForwardPass::State::RouteToExperts(int64_t layer) {
  if (spec.mixture.beside_mlp) LeaveMlpBesideExperts(layer);
  mixture.Route({.weights = &weights.layers[static_cast<size_t>(layer)].mixture,
                 .tokens = tokens,
                 .input = sublayer_input,
                 .packed = activations.packed,
                 .output = activations.delta,
                 .buffer = activations.mixture,
                 .scratch = activations.scratch(0)});
  at_experts = true;
  if (spec.mixture.beside_mlp) NormForExperts(layer);
}

// beside = norm(delta), which is the MLP's; packed = what the router reads.
void ForwardPass::State::LeaveMlpBesideExperts(int64_t layer) {
  const MixtureWeights& w = weights.layers[static_cast<size_t>(layer)].mixture;
  const int64_t size = spec.hidden_size;
  const auto root = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size)));
  ForRows(tokens, 4 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Norm(spec.norm, {w.mlp_output_norm, {}}, activations.delta + t * size, size,
           activations.beside + t * size);
      float* const normed = activations.normed + t * size;
      Norm(spec.norm, {w.router_scale, {}}, activations.hidden + t * size, size, normed);
      for (int64_t i = 0; i < size; ++i) normed[i] *= root;
    }
    PackActivations(activations.normed, size, tokens, size, begin, end, activations.packed);
  });
  sublayer_input = activations.normed;
}

void ForwardPass::State::NormForExperts(int64_t layer) {
  const MixtureWeights& w = weights.layers[static_cast<size_t>(layer)].mixture;
  const int64_t size = spec.hidden_size;
  ForRows(tokens, 2 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Norm(spec.norm, {w.experts_norm, {}}, activations.hidden + t * size, size,
           activations.normed + t * size);
    }
  });
}

void ForwardPass::State::JoinMlpAndExperts(int64_t layer) {
  const MixtureWeights& w = weights.layers[static_cast<size_t>(layer)].mixture;
  const int64_t size = spec.hidden_size;
  ForRows(tokens, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* const delta = activations.delta + t * size;
      Norm(spec.norm, {w.experts_output_norm, {}}, delta, size, delta);
      kernels.add(activations.beside + t * size, size, delta);
    }
  });
}

}  // namespace firstlight
