#include "engine/forward/state.h"

namespace firstlight {

// Sequential:  hidden += mixer(norm(hidden)); hidden += feed_forward(norm(hidden)).
// Parallel:    hidden += mixer(norm(hidden)) + feed_forward(norm'(hidden)).
// A layer may be without the one or the other.
// Then, where layers have inputs of their own: hidden += that (per_layer_input.cc).
// The last addition is left to whoever reads `hidden` next.
void ForwardPass::State::RunLayer(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const LayerKind& kind = spec.kind(layer);
  const bool mixes = kind.mixer != Mixer::kNone;
  if (mixes) {
    NormAndPack(w.input_norm);
    Mix(layer);
    LeaveDelta(w.attention_output_norm);
  }
  if (!kind.feed_forward) return;
  if (mixes && spec.residual.parallel) {
    NormAndPackBeside(w.feed_forward_norm);
  } else {
    NormAndPack(w.feed_forward_norm);
  }
  if (spec.has_mlp(layer)) FeedForward(layer);
  if (spec.mixture.IsMixture(layer)) {
    RouteToExperts(layer);
  } else {
    FinishLayer(layer);
  }
}

void ForwardPass::State::RunExperts(int64_t layer) {
  mixture.Run();
  if (spec.mixture.beside_mlp) JoinMlpAndExperts(layer);
  at_experts = false;
  FinishLayer(layer);
}

void ForwardPass::State::FinishLayer(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  LeaveDelta(w.feed_forward_output_norm, spec.feed_forward.output_multiplier);
  if (spec.per_layer_input.enabled()) AddPerLayerInput(layer);
  if (w.scalar.data != nullptr)
    kernels.widen_row(w.scalar.data, w.scalar.type, 1, 1.0F, &left_scalar);
}

}  // namespace firstlight
