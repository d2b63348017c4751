// Gemma 3's text model (Kamath et al., arXiv:2503.19786; transformers' models/gemma3): two rope
// bases, norms on each head of query and key; also inside the `text_config` of the model that sees.

#include <cmath>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGemma3TextConfig(const JsonValue& config) {
  const RopeContext full = {.theta = 1e6, .layer_type = "full_attention"};
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 262208,
                                                   .hidden_size = 2304,
                                                   .intermediate_size = 9216,
                                                   .num_hidden_layers = 26,
                                                   .num_attention_heads = 8,
                                                   .num_key_value_heads = 4,
                                                   .head_dim = 256,
                                                   .max_position_embeddings = 131072,
                                                   .activation = "gelu_pytorch_tanh",
                                                   .tied = true,
                                                   .eos_token_ids = {1},
                                                   .rope = full,
                                                   .activation_field = "hidden_activation"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "use_bidirectional_attention", false));
  // transformers reads it and does not use it.
  FIRSTLIGHT_RETURN_IF_ERROR(RefusePresent(config, "attn_logit_softcapping"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double scalar,
                              ReadNumber(config, "query_pre_attn_scalar", 256.0, 1e-6, 1e9));
  spec.attention.scale = 1.0 / std::sqrt(scalar);
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.soft_cap,
                              ReadNumber(config, "final_logit_softcapping", 0.0, 1e-6, 1e9));
  spec.norm.weight_offset = 1.0;
  spec.embedding.multiplier = std::sqrt(static_cast<double>(spec.hidden_size));
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  spec.residual.norm_after = true;
  spec.names.attention_output_norm = "post_attention_layernorm";
  spec.names.feed_forward_norm = "pre_feedforward_layernorm";
  spec.names.feed_forward_output_norm = "post_feedforward_layernorm";

  FIRSTLIGHT_ASSIGN_OR_RETURN(const RopeSpec local,
                              ReadRope(config, {.head_dim = spec.head_dim,
                                                .max_position_embeddings = model.context_length,
                                                .theta_field = "rope_local_base_freq",
                                                .layer_type = "sliding_attention",
                                                .read_scaling = false}));
  spec.ropes.push_back(local);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t pattern, ReadInteger(config, "sliding_window_pattern",
                                                                 6, 1, SizeLimits::kLayers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec.num_hidden_layers,
                        [pattern](int64_t layer) { return (layer + 1) % pattern != 0; }));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, sliding, {}, {.window = window, .rope = 1}, &spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadGemma3Config(const JsonValue& config) {
  FIRSTLIGHT_RETURN_IF_ERROR(TextConfig(config).AsObject().status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGemma3TextConfig(TextConfig(config)));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.eos_token_ids,
                              ReadTokenIds(config, "eos_token_id", model.eos_token_ids));
  return model;
}

}  // namespace firstlight
