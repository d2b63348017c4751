// GPT-NeoX (Black et al., arXiv:2204.06745; transformers' models/gpt_neox) and Pythia: attention
// and feed-forward side by side, each behind a norm of its own.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGptNeoXConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 50432,
                                              .hidden_size = 6144,
                                              .intermediate_size = 24576,
                                              .num_hidden_layers = 44,
                                              .num_attention_heads = 64,
                                              .norm_eps = 1e-5,
                                              .activation = "gelu",
                                              .eos_token_ids = {2},
                                              .rope = RopeContext{.partial_rotary_factor = 0.25,
                                                                  .theta_field = "rotary_emb_base",
                                                                  .partial_field = "rotary_pct"},
                                              .num_key_value_heads_field = {},
                                              .head_dim_field = {},
                                              .norm_eps_field = "layer_norm_eps"}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.residual.parallel,
                              config.GetBool("use_parallel_residual", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", true));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qkv_layout = QkvLayout::kGrouped;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.names.base_prefix = "gpt_neox.";
  spec.names.embedding = "embed_in";
  spec.names.query_key_value = "attention.query_key_value";
  spec.names.attention_output = "attention.dense";
  spec.names.up = "mlp.dense_h_to_4h";
  spec.names.down = "mlp.dense_4h_to_h";
  spec.names.final_norm = "final_layer_norm";
  spec.names.older_head = "embed_out";
  return model;
}

}  // namespace firstlight
