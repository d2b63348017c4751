// GLM-4-MoE (GLM-4.5, 4.6; transformers' models/glm4_moe), and Dots1 (models/dots1): DeepSeek-V3's
// mixture of experts with attention over plain keys and values.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::StatusOr<int64_t> MaxWindowLayers(const JsonValue& config) {
  return ReadInteger(config, "max_window_layers", 62, 0, SizeLimits::kLayers);
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGlm4MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 151552,
                                              .hidden_size = 4096,
                                              .intermediate_size = 10944,
                                              .num_hidden_layers = 46,
                                              .num_attention_heads = 96,
                                              .num_key_value_heads = 8,
                                              .max_position_embeddings = 131072,
                                              .norm_eps = 1e-5,

                                              .rope = RopeContext{.partial_rotary_factor = 0.5}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool qk_norm, config.GetBool("use_qk_norm", false));
  if (qk_norm) NormHeadsOfQueryAndKey(&spec);
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeepseekExperts(config,
                                                 {.experts = 128,
                                                  .per_token = 8,
                                                  .intermediate_size = 1408,
                                                  .shared_experts = 1,
                                                  .groups = 1,
                                                  .groups_per_token = 1,
                                                  .normalize = true,
                                                  .scaling_factor = 1.0,
                                                  .first_dense_layers = 1},
                                                 &spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadDots1Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 152064,
                                                   .hidden_size = 4608,
                                                   .intermediate_size = 10944,
                                                   .num_hidden_layers = 62,
                                                   .num_attention_heads = 32,
                                                   .num_key_value_heads = 32,
                                                   .max_position_embeddings = 2048}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  NormHeadsOfQueryAndKey(&spec);
  FIRSTLIGHT_RETURN_IF_ERROR(MaxWindowLayers(config).status());
  FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfLayers(
      config, 4096,
      [](const JsonValue& fields, int64_t layer) { return layer >= *MaxWindowLayers(fields); },
      &spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeepseekExperts(config,
                                                 {.experts = std::nullopt,
                                                  .per_token = std::nullopt,
                                                  .intermediate_size = 1408,
                                                  .shared_experts = 0,
                                                  .groups = 1,
                                                  .groups_per_token = 1,
                                                  .normalize = false,
                                                  .scaling_factor = 1.0,
                                                  .first_dense_layers = 0},
                                                 &spec));
  return model;
}

}  // namespace firstlight
