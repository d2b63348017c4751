// Gemma 2 (Riviere et al., arXiv:2408.00118; transformers' models/gemma2): soft caps, every other
// layer slides, norms before and after each sublayer; and VaultGemma (models/vaultgemma), which has
// only those before.

#include <cmath>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

namespace {

absl::StatusOr<ModelConfig> ReadGemma2Fields(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 256000,
                                                   .hidden_size = 2304,
                                                   .intermediate_size = 9216,
                                                   .num_hidden_layers = 26,
                                                   .num_attention_heads = 8,
                                                   .num_key_value_heads = 4,
                                                   .head_dim = 256,
                                                   .max_position_embeddings = 8192,
                                                   .activation = "gelu_pytorch_tanh",
                                                   .tied = true,
                                                   .eos_token_ids = {1},
                                                   .activation_field = "hidden_activation"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "use_bidirectional_attention", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double scalar,
                              ReadNumber(config, "query_pre_attn_scalar", 256.0, 1e-6, 1e9));
  spec.attention.scale = 1.0 / std::sqrt(scalar);
  // Null is no cap; a field left out is the class's.
  const auto cap = [&config](std::string_view field, double otherwise) {
    return ReadNumber(config, field, IsNull(config, field) ? 0.0 : otherwise, 1e-6, 1e9);
  };
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.soft_cap, cap("attn_logit_softcapping", 50.0));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.soft_cap, cap("final_logit_softcapping", 30.0));
  spec.norm.weight_offset = 1.0;
  spec.embedding.multiplier = std::sqrt(static_cast<double>(spec.hidden_size));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec.num_hidden_layers,
                                                [](int64_t layer) { return layer % 2 == 0; }));
  FIRSTLIGHT_RETURN_IF_ERROR(SetSlidingLayers(config, sliding, {}, {.window = window}, &spec));
  spec.names.feed_forward_norm = "pre_feedforward_layernorm";
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGemma2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGemma2Fields(config));
  model.spec.residual.norm_after = true;
  model.spec.names.attention_output_norm = "post_attention_layernorm";
  model.spec.names.feed_forward_output_norm = "post_feedforward_layernorm";
  return model;
}

absl::StatusOr<ModelConfig> ReadVaultGemmaConfig(const JsonValue& config) {
  return ReadGemma2Fields(config);
}

}  // namespace firstlight
