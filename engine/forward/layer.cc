#include "engine/forward/state.h"

namespace firstlight {

// Sequential:  hidden += attention(norm(hidden)); hidden += feed_forward(norm(hidden)).
// Parallel:    hidden += attention(norm(hidden)) + feed_forward(norm'(hidden)).
// The last addition is left to whoever reads `hidden` next.
void ForwardPass::State::RunLayer(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  NormAndPack(w.input_norm);
  Attend(layer);
  LeaveDelta(w.attention_output_norm);
  if (spec.residual.parallel) {
    NormAndPackBeside(w.feed_forward_norm);
  } else {
    NormAndPack(w.feed_forward_norm);
  }
  if (spec.mixture.IsMixture(layer)) {
    RouteToExperts(layer);
  } else {
    FeedForward(layer);
  }
  LeaveDelta(w.feed_forward_output_norm);
}

}  // namespace firstlight
