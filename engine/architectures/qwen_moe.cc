// Qwen2-MoE and Qwen3-MoE (transformers' models/qwen2_moe and models/qwen3_moe): Qwen2 and Qwen3
// whose MLPs are mixtures of experts, in Qwen2's with an expert that every token has behind a gate.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::Status ReadQwenExperts(const JsonValue& config, const ExpertFields& fields,
                             int64_t default_intermediate_size, DecoderSpec* spec) {
  MixtureSpec& mixture = spec->mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config, fields, &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.intermediate_size,
                              ReadInteger(config, "moe_intermediate_size",
                                          default_intermediate_size, 1, SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.routing.normalize, config.GetBool("norm_topk_prob", false));
  return ReadSparseLayers(config, spec);
}

absl::StatusOr<int64_t> MaxWindowLayers(const JsonValue& config) {
  return ReadInteger(config, "max_window_layers", 28, 0, SizeLimits::kLayers);
}

}  // namespace

absl::StatusOr<ModelConfig> ReadQwen2MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 151936,
                                                   .hidden_size = 2048,
                                                   .intermediate_size = 5632,
                                                   .num_hidden_layers = 24,
                                                   .num_attention_heads = 16,
                                                   .num_key_value_heads = 16,
                                                   .max_position_embeddings = 32768}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("qkv_bias", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool sliding, config.GetBool("use_sliding_window", false));
  if (sliding) {
    FIRSTLIGHT_RETURN_IF_ERROR(MaxWindowLayers(config).status());
    // Every other one of the first layers, as transformers has it.
    FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfLayers(
        config, 4096,
        [](const JsonValue& fields, int64_t layer) {
          return layer % 2 == 0 && layer < *MaxWindowLayers(fields);
        },
        &spec));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ReadQwenExperts(
      config, {.num_experts = "num_experts", .default_experts = 60, .default_per_token = 4}, 1408,
      &spec));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.shared_intermediate_size,
      ReadInteger(config, "shared_expert_intermediate_size", 5632, 1, SizeLimits::kIntermediate));
  mixture.shared_expert_gate = true;
  mixture.names.shared_gate = "mlp.shared_expert.gate_proj";
  mixture.names.shared_up = "mlp.shared_expert.up_proj";
  mixture.names.shared_down = "mlp.shared_expert.down_proj";
  return model;
}

absl::StatusOr<ModelConfig> ReadQwen3MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 151936,
                                                   .hidden_size = 2048,
                                                   .intermediate_size = 6144,
                                                   .num_hidden_layers = 24,
                                                   .num_attention_heads = 32,
                                                   .num_key_value_heads = 4,
                                                   .max_position_embeddings = 32768}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  NormHeadsOfQueryAndKey(&spec);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool sliding, config.GetBool("use_sliding_window", false));
  if (sliding) FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfEveryLayer(config, 4096, &spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadQwenExperts(config,
                                             {.num_experts = "num_experts",
                                              .other_num_experts = "num_local_experts",
                                              .default_experts = 128,
                                              .default_per_token = 8},
                                             768, &spec));
  return model;
}

}  // namespace firstlight
