// BLOOM (Le Scao et al., arXiv:2211.05100; transformers' models/bloom): linear biases for
// positions, a norm on embeddings.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadBloomConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 250880,
                                                   .hidden_size = 64,
                                                   .intermediate_size = std::nullopt,
                                                   .num_hidden_layers = 2,
                                                   .num_attention_heads = 8,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu_new",
                                                   .tied = true,
                                                   .eos_token_ids = {2},
                                                   .rope = std::nullopt,
                                                   .hidden_size_field = "n_embed",
                                                   .intermediate_size_field = {},
                                                   .num_hidden_layers_field = "n_layer",
                                                   .num_attention_heads_field = "n_head",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .max_position_embeddings_field = "seq_length",
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = {}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(
      RefuseUnless(config, "apply_residual_connection_post_layernorm", false));
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  spec.embedding.norm = true;
  spec.attention.alibi = Alibi::kBloom;
  spec.attention.qkv_bias = true;
  spec.attention.output_bias = true;
  spec.attention.qkv_layout = QkvLayout::kGrouped;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "word_embeddings";
  spec.names.embedding_norm = "word_embeddings_layernorm";
  spec.names.layer = "h.";
  spec.names.query_key_value = "self_attention.query_key_value";
  spec.names.attention_output = "self_attention.dense";
  spec.names.up = "mlp.dense_h_to_4h";
  spec.names.down = "mlp.dense_4h_to_h";
  spec.names.final_norm = "ln_f";
  return model;
}

}  // namespace firstlight
