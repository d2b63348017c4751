// OPT (Zhang et al., arXiv:2205.01068; transformers' models/opt): learned positions behind two
// rows.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadOptConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50272,
                                                   .hidden_size = 768,
                                                   .intermediate_size = 3072,
                                                   .num_hidden_layers = 12,
                                                   .num_attention_heads = 12,
                                                   .norm_eps = 1e-5,
                                                   .activation = "relu",
                                                   .tied = true,
                                                   .eos_token_ids = {2},
                                                   .rope = std::nullopt,
                                                   .intermediate_size_field = "ffn_dim",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .norm_eps_field = {},
                                                   .activation_field = "activation_function"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "do_layer_norm_before", true));
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "_remove_final_layer_norm", false));
  FIRSTLIGHT_RETURN_IF_ERROR(
      RefuseUnless(config, "word_embed_proj_dim", static_cast<double>(spec.hidden_size)));
  spec.norm.kind = NormKind::kLayer;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.norm.weight,
                              config.GetBool("layer_norm_elementwise_affine", true));
  spec.norm.bias = spec.norm.weight;
  spec.embedding.position_offset = 2;
  spec.embedding.position_rows = model.context_length + 2;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("enable_bias", true));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.feed_forward.bias = spec.attention.qkv_bias;
  spec.feed_forward.gated = false;
  spec.names.base_prefix = "model.decoder.";
  spec.names.input_norm = "self_attn_layer_norm";
  spec.names.attention_output = "self_attn.out_proj";
  spec.names.feed_forward_norm = "final_layer_norm";
  spec.names.up = "fc1";
  spec.names.down = "fc2";
  spec.names.final_norm = "final_layer_norm";
  return model;
}

}  // namespace firstlight
