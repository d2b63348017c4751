#ifndef FIRSTLIGHT_ENGINE_LAYER_GATE_H_
#define FIRSTLIGHT_ENGINE_LAYER_GATE_H_

// Whether the weights of a layer are where compute may touch them. The scheduler asks before each
// stage of a pass; a pass that finds its gate closed keeps what it has computed and gives the
// workers to other models' passes until the gate is open.

#include <cstdint>

namespace firstlight {

class Model;

class LayerGate {
 public:
  virtual ~LayerGate() = default;

  // Asked on the engine's thread; must not block. `layer` is as ForwardPass::next_layer(): -1 for
  // the embedding, num_hidden_layers for the head. Who opens a gate that was found closed calls
  // Engine::Wake() afterwards.
  virtual bool IsOpen(const Model& model, int64_t layer) = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_LAYER_GATE_H_
