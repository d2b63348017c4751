// OLMoE (Muennighoff et al., arXiv:2409.02060; transformers' models/olmoe): queries and keys are
// normed as wholes, and with the values may be clipped.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadOlmoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50304,
                                                   .hidden_size = 2048,
                                                   .intermediate_size = 2048,
                                                   .num_hidden_layers = 16,
                                                   .num_attention_heads = 16,
                                                   .max_position_embeddings = 4096,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {50279}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.clip, ReadNumber(config, "clip_qkv", 0.0, 0.0, 1e6));
  spec.attention.qk_norm = {.scope = QkNormScope::kProjection, .norm = spec.norm};
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config,
                                         {.num_experts = "num_experts",
                                          .other_num_experts = "num_local_experts",
                                          .default_experts = 64,
                                          .default_per_token = 8},
                                         &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.routing.normalize, config.GetBool("norm_topk_prob", false));
  mixture.intermediate_size = spec.intermediate_size;
  MakeEveryLayerAMixture(&spec);
  return model;
}

}  // namespace firstlight
