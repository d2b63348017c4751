// GPT-2 (Radford et al., 2019; transformers' models/gpt2): learned positions, projections stored
// transposed; and GPT-BigCode (Li et al., arXiv:2305.06161; models/gpt_bigcode), which has them as
// others do and one key for all queries.

#include <optional>
#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

namespace {

absl::StatusOr<ModelConfig> ReadGpt2Fields(const JsonValue& config, std::string_view activation) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50257,
                                                   .hidden_size = 768,
                                                   .intermediate_size = std::nullopt,
                                                   .num_hidden_layers = 12,
                                                   .num_attention_heads = 12,
                                                   .max_position_embeddings = 1024,
                                                   .norm_eps = 1e-5,
                                                   .activation = activation,
                                                   .tied = true,
                                                   .eos_token_ids = {50256},
                                                   .rope = std::nullopt,
                                                   .hidden_size_field = "n_embd",
                                                   .intermediate_size_field = "n_inner",
                                                   .num_hidden_layers_field = "n_layer",
                                                   .num_attention_heads_field = "n_head",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .max_position_embeddings_field = "n_positions",
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = "activation_function"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "add_cross_attention", false));
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "scale_attn_by_inverse_layer_idx", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool scales, config.GetBool("scale_attn_weights", true));
  if (!scales) spec.attention.scale = 1.0;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  spec.embedding.position_rows = model.context_length;
  spec.attention.qkv_layout = QkvLayout::kConcatenated;
  spec.attention.qkv_bias = true;
  spec.attention.output_bias = true;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "wte";
  spec.names.positions = "wpe";
  spec.names.layer = "h.";
  spec.names.input_norm = "ln_1";
  spec.names.query_key_value = "attn.c_attn";
  spec.names.attention_output = "attn.c_proj";
  spec.names.feed_forward_norm = "ln_2";
  spec.names.up = "mlp.c_fc";
  spec.names.down = "mlp.c_proj";
  spec.names.final_norm = "ln_f";
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGpt2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGpt2Fields(config, "gelu_new"));
  model.spec.transposed = true;
  return model;
}

absl::StatusOr<ModelConfig> ReadGptBigCodeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGpt2Fields(config, "gelu_pytorch_tanh"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool multi_query, config.GetBool("multi_query", true));
  if (multi_query) {
    model.spec.num_key_value_heads = 1;
  } else {
    model.spec.attention.qkv_layout = QkvLayout::kGrouped;
  }
  return model;
}

}  // namespace firstlight
