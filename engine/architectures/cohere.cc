// Cohere's Command R (transformers' models/cohere) and Command R7B (models/cohere2): attention and
// feed-forward side by side behind one layer norm without a bias, logits by a factor. In the
// second, layers slide and turn, or do neither.

#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

namespace {

absl::StatusOr<ModelConfig> ReadCohereFields(const JsonValue& config, double theta) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 256000,
                           .hidden_size = 8192,
                           .intermediate_size = 22528,
                           .num_hidden_layers = 40,
                           .num_attention_heads = 64,
                           .max_position_embeddings = 8192,
                           .norm_eps = 1e-5,
                           .tied = true,
                           .eos_token_ids = {255001},
                           .rope = RopeContext{.theta = theta, .pairing = RopePairing::kNeighbours},
                           .norm_eps_field = "layer_norm_eps"}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.residual.parallel = true;
  spec.residual.shared_norm = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.multiplier,
                              ReadNumber(config, "logit_scale", 0.0625, 1e-9, 1e9));
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadCohereConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadCohereFields(config, 500000.0));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool qk_norm, config.GetBool("use_qk_norm", false));
  if (qk_norm) {
    model.spec.attention.qk_norm.scope = QkNormScope::kOwnHead;
    model.spec.attention.qk_norm.norm = model.spec.norm;
  }
  return model;
}

absl::StatusOr<ModelConfig> ReadCohere2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadCohereFields(config, 10000.0));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t pattern, ReadInteger(config, "sliding_window_pattern",
                                                                 4, 1, SizeLimits::kLayers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec.num_hidden_layers,
                        [pattern](int64_t layer) { return (layer + 1) % pattern != 0; }));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, sliding, {.rope = -1}, {.window = window}, &spec));
  return model;
}

}  // namespace firstlight
