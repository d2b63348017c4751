// Granite-MoE, and the same with an expert that every token has (transformers' models/granitemoe
// and models/granitemoeshared): multipliers on embeddings, scores, residuals and logits.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGraniteMoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 32000,
                                                   .hidden_size = 4096,
                                                   .intermediate_size = 11008,
                                                   .num_hidden_layers = 32,
                                                   .num_attention_heads = 32,
                                                   .max_position_embeddings = 2048,
                                                   .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  constexpr double kLargest = 1e6;
  constexpr double kSmallest = 1e-6;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.embedding.multiplier,
                              ReadNumber(config, "embedding_multiplier", 1.0, -kLargest, kLargest));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.scale,
                              ReadNumber(config, "attention_multiplier", 1.0, -kLargest, kLargest));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.residual.multiplier,
                              ReadNumber(config, "residual_multiplier", 1.0, -kLargest, kLargest));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double scaling,
                              ReadNumber(config, "logits_scaling", 1.0, kSmallest, kLargest));
  spec.head.multiplier = 1.0 / scaling;
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(
      config, {.num_experts = "num_local_experts", .default_experts = 8, .default_per_token = 2},
      &mixture));
  mixture.intermediate_size = spec.intermediate_size;
  mixture.routing.score = RouterScore::kSoftmaxOfChosen;
  mixture.names.fused = {
      FusedExpertNames{"block_sparse_moe.router", "block_sparse_moe.experts.gate_up_proj",
                       "block_sparse_moe.experts.down_proj"},
      FusedExpertNames{"block_sparse_moe.router.layer", "block_sparse_moe.input_linear.weight",
                       "block_sparse_moe.output_linear.weight"}};
  MakeEveryLayerAMixture(&spec);
  return model;
}

absl::StatusOr<ModelConfig> ReadGraniteMoeSharedConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGraniteMoeConfig(config));
  MixtureSpec& mixture = model.spec.mixture;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.shared_intermediate_size,
      ReadInteger(config, "shared_intermediate_size", 0, 0, SizeLimits::kIntermediate));
  mixture.names.shared_gate_up = "shared_mlp.input_linear";
  mixture.names.shared_down = "shared_mlp.output_linear";
  return model;
}

}  // namespace firstlight
