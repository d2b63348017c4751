#ifndef FIRSTLIGHT_SERVER_MODELS_ENGINE_MODELS_H_
#define FIRSTLIGHT_SERVER_MODELS_ENGINE_MODELS_H_

// The engine's models as the registry sees them.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "server/models/served_model.h"

namespace firstlight {

struct EngineLoaderOptions {
  std::optional<int64_t> context_length;
  PrefetchPolicy prefetch = PrefetchPolicy::kOnRequest;
  // Where it differs, by the directory as it is given to the loader.
  std::map<std::string, PrefetchPolicy> prefetch_of_directory{};
  // Weights could not be fetched or locked as the policy wants; the model serves all the same. On
  // the engine's thread; must not block.
  std::function<void(const std::string& directory, const absl::Status& status)> on_policy_failed{};
};

// Loads with `engine`, which outlives the loader and its models.
ModelLoader MakeEngineLoader(Engine* engine, EngineLoaderOptions options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_ENGINE_MODELS_H_
