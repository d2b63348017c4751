#ifndef FIRSTLIGHT_SERVER_ENGINE_MODELS_H_
#define FIRSTLIGHT_SERVER_ENGINE_MODELS_H_

// The engine's models as the registry sees them.

#include <cstdint>
#include <optional>

#include "engine/engine.h"
#include "server/served_model.h"

namespace firstlight {

// Loads with `engine`, which outlives the loader and its models.
ModelLoader MakeEngineLoader(Engine* engine, std::optional<int64_t> context_length);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_ENGINE_MODELS_H_
