#ifndef FIRSTLIGHT_SERVER_WARM_FORWARD_H_
#define FIRSTLIGHT_SERVER_WARM_FORWARD_H_

// The last part of warming a model: one token computed, as a request would.

#include <memory>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "server/cancellation.h"

namespace firstlight {

// Blocks until `engine` has run one forward pass of one token over `model`, whatever its tokenizer
// does. Takes its place among the requests: RESOURCE_EXHAUSTED when too many wait already. The
// status of `cancellation` soon after that is cancelled.
absl::Status ComputeOneToken(Engine* engine, std::shared_ptr<Model> model,
                             const Cancellation& cancellation);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_WARM_FORWARD_H_
