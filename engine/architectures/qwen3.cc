// Qwen3 (Yang et al., arXiv:2505.09388; transformers' models/qwen3): a norm on each head of query
// and key.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadQwen3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 151936,
                                                   .intermediate_size = 22016,
                                                   .num_key_value_heads = 32,
                                                   .head_dim = 128,
                                                   .max_position_embeddings = 32768}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadQwenWindows(config, &spec));
  return model;
}

}  // namespace firstlight
