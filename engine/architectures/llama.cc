// Llama (Touvron et al., arXiv:2302.13971; transformers' models/llama).

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadLlamaConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, {.eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  return model;
}

}  // namespace firstlight
