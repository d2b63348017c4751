// Apertus (Swiss AI, arXiv:2509.14233; transformers' models/apertus): a plain feed-forward of
// xIELU, norms on each head.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadApertusConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 131072,
                                                   .intermediate_size = 14336,
                                                   .max_position_embeddings = 65536,
                                                   .norm_eps = 1e-5,
                                                   .activation = "xielu",
                                                   .eos_token_ids = {2},
                                                   .rope = RopeContext{.theta = 12e6}}));
  DecoderSpec& spec = model.spec;
  // Where nothing is said of it.
  if (!DescribesRope(config)) {
    spec.ropes[0] = {.type = RopeType::kLlama3,
                     .theta = 12e6,
                     .rotary_dim = spec.head_dim,
                     .factor = 8.0,
                     .low_freq_factor = 1.0,
                     .high_freq_factor = 4.0,
                     .trained_positions = 8192};
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  spec.feed_forward.gated = false;
  spec.names.input_norm = "attention_layernorm";
  spec.names.feed_forward_norm = "feedforward_layernorm";
  return model;
}

}  // namespace firstlight
