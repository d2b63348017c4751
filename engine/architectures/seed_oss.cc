// Seed-OSS (ByteDance, 2025; transformers' models/seed_oss).

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadSeedOssConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 155136,
                                                   .intermediate_size = 27648,
                                                   .num_hidden_layers = 64,
                                                   .num_attention_heads = 80,
                                                   .num_key_value_heads = 8,
                                                   .head_dim = 128,
                                                   .max_position_embeddings = 524288,
                                                   .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.output_bias,
                              config.GetBool("attention_out_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  return model;
}

}  // namespace firstlight
