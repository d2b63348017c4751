// OLMo (Groeneveld et al., arXiv:2402.00838; transformers' models/olmo): layer norms without
// weights. OLMo 2 and 3 (models/olmo2, olmo3): norms behind the sublayers and over whole
// projections; in the last, layers slide.

#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadOlmoConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, {.vocab_size = 50304,
                                                                      .norm_eps = 1e-5,
                                                                      .eos_token_ids = {50279},
                                                                      .norm_eps_field = {}}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.weight = false;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.clip, ReadNumber(config, "clip_qkv", 0.0, 1e-6, 1e9));
  return model;
}

namespace {

absl::StatusOr<ModelConfig> ReadOlmo2Fields(const JsonValue& config, const RopeContext& rope) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config,
                  {.vocab_size = 50304, .norm_eps = 1e-5, .eos_token_ids = {50279}, .rope = rope}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qk_norm.scope = QkNormScope::kProjection;
  spec.attention.qk_norm.norm = spec.norm;
  spec.residual.norm_before = false;
  spec.residual.norm_after = true;
  spec.names.attention_output_norm = "post_attention_layernorm";
  spec.names.feed_forward_output_norm = "post_feedforward_layernorm";
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadOlmo2Config(const JsonValue& config) {
  return ReadOlmo2Fields(config, {});
}

absl::StatusOr<ModelConfig> ReadOlmo3Config(const JsonValue& config) {
  constexpr double kTheta = 500000.0;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadOlmo2Fields(config, {.theta = kTheta, .layer_type = "full_attention"}));
  DecoderSpec& spec = model.spec;
  // transformers gives the outer theta to the layers that see all, and the class's to the others.
  FIRSTLIGHT_ASSIGN_OR_RETURN(const RopeSpec local,
                              ReadRope(config, {.head_dim = spec.head_dim,
                                                .max_position_embeddings = model.context_length,
                                                .theta = kTheta,
                                                .theta_field = {},
                                                .layer_type = "sliding_attention",
                                                .read_scaling = false}));
  spec.ropes.push_back(local);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec.num_hidden_layers, [](int64_t layer) {
                                return (layer + 1) % 4 != 0;
                              }));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, sliding, {}, {.window = window, .rope = 1}, &spec));
  return model;
}

}  // namespace firstlight
