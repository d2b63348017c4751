// Persimmon (Adept, 2023; transformers' models/persimmon): layer norms, also on each head, a plain
// feed-forward of squared relu.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadPersimmonConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 262144,
                                              .intermediate_size = 16384,
                                              .num_hidden_layers = 36,
                                              .num_attention_heads = 64,
                                              .max_position_embeddings = 16384,
                                              .norm_eps = 1e-5,
                                              .activation = "relu2",
                                              .eos_token_ids = {2},
                                              .rope = RopeContext{.partial_rotary_factor = 0.5},
                                              .num_key_value_heads_field = {},
                                              .head_dim_field = {},
                                              .norm_eps_field = "layer_norm_eps"}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool qk_norm, config.GetBool("qk_layernorm", true));
  if (qk_norm) {
    spec.attention.qk_norm.scope = QkNormScope::kHead;
    spec.attention.qk_norm.norm = spec.norm;
  }
  spec.attention.qkv_bias = true;
  spec.attention.output_bias = true;
  spec.attention.qkv_layout = QkvLayout::kGrouped;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.names.query_key_value = "self_attn.query_key_value";
  spec.names.query_norm = "self_attn.q_layernorm";
  spec.names.key_norm = "self_attn.k_layernorm";
  spec.names.attention_output = "self_attn.dense";
  spec.names.up = "mlp.dense_h_to_4h";
  spec.names.down = "mlp.dense_4h_to_h";
  spec.names.final_norm = "final_layernorm";
  return model;
}

}  // namespace firstlight
