// Falcon (Almazrouei et al., arXiv:2311.16867; transformers' models/falcon): one key for all
// queries or groups of them, attention and feed-forward side by side behind one norm or two.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

namespace {

absl::Status ReadFalconHeads(const JsonValue& config, bool grouped, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool multi_query, config.GetBool("multi_query", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t given,
      ReadInteger(config, "num_kv_heads", spec->num_attention_heads, 1, SizeLimits::kHeads));
  spec->num_key_value_heads = grouped ? given : multi_query ? 1 : spec->num_attention_heads;
  if (spec->num_attention_heads % spec->num_key_value_heads != 0) {
    return config.Error("expected num_attention_heads to be a multiple of num_kv_heads");
  }
  return absl::OkStatus();
}

// Which norms, and what they are called, goes by three fields.
absl::Status ReadFalconNorms(const JsonValue& config, bool grouped, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->residual.parallel, config.GetBool("parallel_attn", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t norms, ReadInteger(config, "num_ln_in_parallel_attn", grouped ? 2 : 1, 1, 2));
  if ((grouped && !spec->residual.parallel) || (!grouped && norms == 2)) {
    return absl::UnimplementedError(
        config
            .Error("this combination of new_decoder_architecture, parallel_attn and "
                   "num_ln_in_parallel_attn is not implemented")
            .message());
  }
  spec->residual.shared_norm = spec->residual.parallel && norms == 1;
  if (norms == 2) {
    spec->names.input_norm = "ln_attn";
    spec->names.feed_forward_norm = "ln_mlp";
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadFalconConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 65024,
                                                   .hidden_size = 4544,
                                                   .intermediate_size = std::nullopt,
                                                   .num_attention_heads = 71,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu",
                                                   .tied = true,
                                                   .eos_token_ids = {11},
                                                   .intermediate_size_field = "ffn_hidden_size",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = "activation"}));
  DecoderSpec& spec = model.spec;
  // transformers rounds its slopes to bfloat16 and scales them.
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "alibi", false));
  FIRSTLIGHT_RETURN_IF_ERROR(RefusePresent(config, "n_embed"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool grouped,
                              config.GetBool("new_decoder_architecture", false));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadFalconHeads(config, grouped, &spec));
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qkv_layout = QkvLayout::kGrouped;
  spec.feed_forward.bias = spec.attention.qkv_bias;
  spec.feed_forward.gated = false;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "word_embeddings";
  spec.names.layer = "h.";
  spec.names.query_key_value = "self_attention.query_key_value";
  spec.names.attention_output = "self_attention.dense";
  spec.names.up = "mlp.dense_h_to_4h";
  spec.names.down = "mlp.dense_4h_to_h";
  spec.names.final_norm = "ln_f";
  FIRSTLIGHT_RETURN_IF_ERROR(ReadFalconNorms(config, grouped, &spec));
  return model;
}

}  // namespace firstlight
