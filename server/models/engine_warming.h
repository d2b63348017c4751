#ifndef FIRSTLIGHT_SERVER_MODELS_ENGINE_WARMING_H_
#define FIRSTLIGHT_SERVER_MODELS_ENGINE_WARMING_H_

// Warming and parking a model of the engine, as calls that block until it is done: not on the
// engine's thread, nor on gRPC's.
//
// Those that take a cancellation return its status soon after it is cancelled.

#include <memory>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "server/base/cancellation.h"

namespace firstlight {

// Brings every weight of `model` into memory, giving way to what requests wait for. DATA_LOSS for
// damaged files; ABORTED when somebody else has parked the model or cancelled its warming.
absl::Status PopulateWeights(Engine* engine, const std::shared_ptr<Model>& model,
                             const Cancellation& cancellation);

// Runs one forward pass of one token over `model`, whatever its tokenizer does. Takes its place
// among the requests: RESOURCE_EXHAUSTED when too many wait already.
absl::Status ComputeOneToken(Engine* engine, std::shared_ptr<Model> model,
                             const Cancellation& cancellation);

// Gives the memory of the weights back.
void ParkWeights(Engine* engine, const std::shared_ptr<Model>& model);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_ENGINE_WARMING_H_
