// SmolLM3 (transformers' models/smollm3): every few layers positions do not turn.

#include <optional>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadSmolLM3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 128256,
                                                   .hidden_size = 2048,
                                                   .num_hidden_layers = 36,
                                                   .num_attention_heads = 16,
                                                   .num_key_value_heads = 4,
                                                   .max_position_embeddings = 32768,
                                                   .tied = true,
                                                   .eos_token_ids = {128001},
                                                   .rope = RopeContext{.theta = 2e6}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t interval, ReadInteger(config, "no_rope_layer_interval",
                                                                  4, 1, SizeLimits::kLayers));
  std::vector<bool> turns;
  if (const std::optional<JsonValue> given = config.Find("no_rope_layers"); given.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, given->AsArray());
    for (const JsonValue value : array) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t flag, value.AsInt64());
      turns.push_back(flag != 0);
    }
    if (static_cast<int64_t>(turns.size()) < spec.num_hidden_layers) {
      return given->Error("expected a number for each layer");
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool slides, config.GetBool("use_sliding_window", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(int64_t window, ReadWindow(config, "sliding_window", std::nullopt));
  if (!slides) window = 0;
  std::vector<LayerKind> layers(static_cast<size_t>(spec.num_hidden_layers));
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    const bool turn =
        turns.empty() ? (static_cast<int64_t>(layer) + 1) % interval != 0 : turns[layer];
    layers[layer].rope = turn ? 0 : -1;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec.num_hidden_layers, [&](int64_t layer) {
                                return window > 0 && layers[static_cast<size_t>(layer)].rope < 0;
                              }));
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    if (sliding[layer]) layers[layer].window = window;
  }
  SetLayerKinds(layers, &spec);
  return model;
}

}  // namespace firstlight
