// GLM-4's first form (GLM team, arXiv:2406.12793; transformers' models/glm): neighbours of half a
// head turn together; and its second (models/glm4), with norms behind the sublayers too.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGlmConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 151552,
                           .intermediate_size = 13696,
                           .num_hidden_layers = 40,
                           .num_key_value_heads = 2,
                           .head_dim = 128,
                           .max_position_embeddings = 131072,
                           .norm_eps = 1.5625e-7,
                           .eos_token_ids = {151329, 151336, 151338},
                           .rope = RopeContext{.partial_rotary_factor = 0.5,
                                               .pairing = RopePairing::kNeighbours}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", true));
  spec.feed_forward.layout = GateUpLayout::kConcatenated;
  return model;
}

absl::StatusOr<ModelConfig> ReadGlm4Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGlmConfig(config));
  model.spec.residual.norm_after = true;
  return model;
}

}  // namespace firstlight
