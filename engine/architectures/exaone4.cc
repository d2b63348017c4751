// EXAONE 4.0 (LG AI Research, arXiv:2507.11407; transformers' models/exaone4): norms behind the
// sublayers and on each head; where layers slide, those that do not do not turn either.

#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadExaone4Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, {.vocab_size = 102400,
                                                                      .intermediate_size = 16384,
                                                                      .num_key_value_heads = 32,
                                                                      .norm_eps = 1e-5,
                                                                      .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  spec.residual.norm_before = false;
  spec.residual.norm_after = true;
  spec.names.attention_output_norm = "post_attention_layernorm";
  spec.names.feed_forward_output_norm = "post_feedforward_layernorm";
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 4096));
  int64_t pattern = 0;
  if (window > 0 && !config.Find("layer_types").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        pattern, ReadInteger(config, "sliding_window_pattern", 4, 1, SizeLimits::kLayers));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec.num_hidden_layers, [&](int64_t layer) {
                                return window > 0 && (layer + 1) % pattern != 0;
                              }));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, sliding, {.rope = window > 0 ? -1 : 0}, {.window = window}, &spec));
  return model;
}

}  // namespace firstlight
