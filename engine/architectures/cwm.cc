// CWM (Meta, 2025; transformers' models/cwm): Llama with windows in three layers of four.

#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadCwmConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 128256,
                                                   .hidden_size = 6144,
                                                   .intermediate_size = 21504,
                                                   .num_hidden_layers = 64,
                                                   .num_attention_heads = 48,
                                                   .num_key_value_heads = 8,
                                                   .head_dim = 128,
                                                   .max_position_embeddings = 131072,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {128001, 128008, 128009},
                                                   .rope = RopeContext{.theta = 1e6}}));
  DecoderSpec& spec = model.spec;
  // Where nothing is said of it.
  if (!DescribesRope(config)) {
    spec.ropes[0] = {.type = RopeType::kLlama3,
                     .theta = 1e6,
                     .rotary_dim = spec.head_dim,
                     .factor = 16.0,
                     .low_freq_factor = 1.0,
                     .high_freq_factor = 4.0,
                     .trained_positions = 8192};
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 8192));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec.num_hidden_layers,
                                                [](int64_t layer) { return layer % 4 != 0; }));
  FIRSTLIGHT_RETURN_IF_ERROR(SetSlidingLayers(config, sliding, {}, {.window = window}, &spec));
  return model;
}

}  // namespace firstlight
