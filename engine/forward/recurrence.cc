#include "engine/forward/state.h"

namespace firstlight {

// delta = what the layer's mixer, or its two, make of the packed input.
void ForwardPass::State::Mix(int64_t layer) {
  switch (spec.kind(layer).mixer) {
    case Mixer::kAttention:
      Attend(layer);
      return;
    case Mixer::kRecurrence:
      Recur(layer, activations.delta);
      return;
    case Mixer::kBoth:
      break;
    case Mixer::kNone:
      return;
  }
  Recur(layer, activations.beside);
  Attend(layer);
  const auto of_attention = static_cast<float>(spec.attention.output_multiplier);
  const auto of_recurrence = static_cast<float>(spec.recurrent.output_multiplier);
  const int64_t size = spec.hidden_size;
  ForRows(tokens, size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * size; i < end * size; ++i) {
      activations.delta[i] =
          of_recurrence * activations.beside[i] + of_attention * activations.delta[i];
    }
  });
}

void ForwardPass::State::Recur(int64_t layer, float* output) {
  size_t next = 0;
  for (const BatchSegment& segment : segments) {
    if (segment.tokens.empty()) continue;
    sequences[next++].state = segment.state + recurrence_place[static_cast<size_t>(layer)] *
                                                  LayerStateFloats(spec.recurrent);
  }
  recurrence.Run({.weights = &weights.layers[static_cast<size_t>(layer)].recurrent,
                  .tokens = tokens,
                  .sequences = sequences,
                  .packed = activations.packed,
                  .output = output,
                  .buffer = activations.recurrent,
                  .scratch = activations.scratch(0)});
}

}  // namespace firstlight
