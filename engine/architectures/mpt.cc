// MPT (MosaicML, 2023; transformers' models/mpt): linear biases for positions, norms without
// biases.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMptConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50368,
                                                   .hidden_size = 2048,
                                                   .intermediate_size = std::nullopt,
                                                   .num_hidden_layers = 24,
                                                   .num_attention_heads = 16,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu",
                                                   .tied = true,
                                                   .rope = std::nullopt,
                                                   .hidden_size_field = "d_model",
                                                   .intermediate_size_field = {},
                                                   .num_hidden_layers_field = "n_layers",
                                                   .num_attention_heads_field = "n_heads",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .max_position_embeddings_field = "max_seq_len",
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = {}}));
  DecoderSpec& spec = model.spec;
  // What the published code does by these fields and transformers' does not.
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "no_bias", true));
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "expansion_ratio", 4.0));
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "embedding_fraction", 1.0));
  FIRSTLIGHT_RETURN_IF_ERROR(RefusePresent(config, "logit_scale"));
  if (const std::optional<JsonValue> attention = config.Find("attn_config");
      attention.has_value()) {
    FIRSTLIGHT_RETURN_IF_ERROR(attention->AsObject().status());
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(*attention, "alibi", true));
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(*attention, "alibi_bias_max", 8.0));
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(*attention, "qk_ln", false));
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(*attention, "prefix_lm", false));
    FIRSTLIGHT_RETURN_IF_ERROR(
        RefuseUnless(*attention, "attn_type", std::string_view("multihead_attention")));
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.clip,
                                ReadNumber(*attention, "clip_qkv", 0.0, 1e-6, 1e9));
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.scale, ReadNumber(*attention, "softmax_scale",
                                                                 spec.attention.scale, 1e-9, 1e9));
  }
  spec.norm.kind = NormKind::kLayer;
  spec.attention.alibi = Alibi::kMpt;
  spec.attention.qkv_layout = QkvLayout::kConcatenated;
  spec.feed_forward.gated = false;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "wte";
  spec.names.layer = "blocks.";
  spec.names.input_norm = "norm_1";
  spec.names.query_key_value = "attn.Wqkv";
  spec.names.attention_output = "attn.out_proj";
  spec.names.feed_forward_norm = "norm_2";
  spec.names.up = "ffn.up_proj";
  spec.names.down = "ffn.down_proj";
  spec.names.final_norm = "norm_f";
  return model;
}

}  // namespace firstlight
