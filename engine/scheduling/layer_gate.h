#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_LAYER_GATE_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_LAYER_GATE_H_

// Whether the weights of a layer are where compute may touch them. The scheduler asks before each
// stage of a pass; a pass that finds its gate closed keeps what it has computed and gives the
// workers to other models' passes until the gate is open.
//
// A stage is named as ForwardPass::next_layer() names it: -1 is the embedding, num_hidden_layers
// the head. Everything is called on the engine's thread and must not block. Only IsOpen needs an
// implementation; the other calls tell a gate what is coming, so that it can see to it.

#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace firstlight {

class Model;

class LayerGate {
 public:
  virtual ~LayerGate() = default;

  // A request of `model` has left the queue: its steps come next.
  virtual void Dequeued(const std::shared_ptr<const Model>& /*model*/) {}

  // A pass over `tokens` begins; its stage -1 is asked for next.
  virtual void PassBegins(const Model& /*model*/, absl::Span<const int32_t> /*tokens*/) {}

  // Who opens a gate that was found closed sees to it that Scheduler::Step is called. Stage -1 may
  // be asked for before a pass begins, too: while it is closed, none does. Not asked about a head
  // that no row of the pass wants.
  virtual bool IsOpen(const Model& model, int64_t layer) = 0;

  // Whether these experts of `layer` are there, too, which is a mixture of experts: its tokens have
  // chosen them. Asked when the layer has run up to them; REQUIRES: IsOpen(model, layer) was.
  virtual bool AreExpertsOpen(const Model& /*model*/, int64_t /*layer*/,
                              absl::Span<const int32_t> /*experts*/) {
    return true;
  }

  // The pass has run `layer`. Not called for a head that no row wanted.
  virtual void StageRan(const Model& /*model*/, int64_t /*layer*/) {}

  // Workers read storage in a pass of `model`, in page faults, although its gates were open.
  virtual void FaultedFromStorage(const Model& /*model*/) {}

  // No request of `model` is left.
  virtual void Idle(const Model& /*model*/) {}
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_LAYER_GATE_H_
