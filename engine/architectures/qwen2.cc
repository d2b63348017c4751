// Qwen2 (Yang et al., arXiv:2407.10671; transformers' models/qwen2): Llama with biases on query,
// key and value, and windows from a layer on.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadQwen2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 151936,
                                                   .intermediate_size = 22016,
                                                   .num_key_value_heads = 32,
                                                   .max_position_embeddings = 32768}));
  DecoderSpec& spec = model.spec;
  spec.attention.qkv_bias = true;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadQwenWindows(config, &spec));
  return model;
}

}  // namespace firstlight
