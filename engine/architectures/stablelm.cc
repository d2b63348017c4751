// StableLM 2 and 3B (Bellagente et al., arXiv:2402.17834; transformers' models/stablelm).

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadStableLmConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 50304,
                                              .hidden_size = 2560,
                                              .intermediate_size = 6912,
                                              .num_key_value_heads = 32,
                                              .max_position_embeddings = 4096,
                                              .norm_eps = 1e-5,
                                              .eos_token_ids = {0},
                                              .rope = RopeContext{.partial_rotary_factor = 0.25},
                                              .head_dim_field = {},
                                              .norm_eps_field = "layer_norm_eps"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool qk_norm, config.GetBool("qk_layernorm", false));
  spec.norm.kind = NormKind::kLayer;
  if (qk_norm) {
    spec.attention.qk_norm.scope = QkNormScope::kOwnHead;
    spec.attention.qk_norm.per_head_name = ".norms.";
    spec.attention.qk_norm.norm = spec.norm;
  }
  spec.norm.bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("use_qkv_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.residual.parallel,
                              config.GetBool("use_parallel_residual", false));
  spec.residual.shared_norm = spec.residual.parallel;
  spec.names.query_norm = "self_attn.q_layernorm";
  spec.names.key_norm = "self_attn.k_layernorm";
  return model;
}

}  // namespace firstlight
