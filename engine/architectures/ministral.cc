// Ministral (Mistral AI, 2024; transformers' models/ministral): Mistral with windows by layer; and
// Ministral 3 (2025; models/ministral3): YaRN, and queries that grow with their position.

#include <optional>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMinistralConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.intermediate_size = 14336,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 131072,
                                                   .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec.num_hidden_layers, [window](int64_t) { return window > 0; }));
  FIRSTLIGHT_RETURN_IF_ERROR(SetSlidingLayers(config, sliding, {}, {.window = window}, &spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadMinistral3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 131072,
                                                   .intermediate_size = 14336,
                                                   .num_hidden_layers = 34,
                                                   .num_key_value_heads = 8,
                                                   .head_dim = 128,
                                                   .max_position_embeddings = 262144,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefusePresent(config, "layer_types"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.layer_kinds[0].window,
                              ReadWindow(config, "sliding_window", std::nullopt));
  AttentionSpec& attention = spec.attention;
  if (!DescribesRope(config)) {
    spec.ropes[0] = {.type = RopeType::kYarn,
                     .theta = 1e6,
                     .rotary_dim = spec.head_dim,
                     .factor = 16.0,
                     .trained_positions = 16384};
    attention.temperature_beta = 0.1;
    attention.temperature_positions = 16384;
    return model;
  }
  for (const std::string_view field : {"rope_parameters", "rope_scaling"}) {
    const std::optional<JsonValue> rope = config.Find(field);
    if (!rope.has_value() || rope->type() != JsonType::kObject) continue;
    FIRSTLIGHT_ASSIGN_OR_RETURN(attention.temperature_beta,
                                ReadNumber(*rope, "llama_4_scaling_beta", 0.0, 0.0, 1e6));
    FIRSTLIGHT_ASSIGN_OR_RETURN(attention.temperature_positions,
                                ReadInteger(*rope, "original_max_position_embeddings",
                                            model.context_length, 1, SizeLimits::kPositions));
  }
  return model;
}

}  // namespace firstlight
