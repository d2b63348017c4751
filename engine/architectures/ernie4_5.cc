// ERNIE 4.5 (Baidu, 2025; transformers' models/ernie4_5): Llama in which neighbours turn together.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadErnie45Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config,
                  {.vocab_size = 103424,
                   .hidden_size = 1024,
                   .intermediate_size = 3072,
                   .num_hidden_layers = 18,
                   .num_attention_heads = 16,
                   .num_key_value_heads = 2,
                   .head_dim = 128,
                   .max_position_embeddings = 131072,
                   .norm_eps = 1e-5,
                   .tied = true,
                   .eos_token_ids = {2},
                   .rope = RopeContext{.theta = 500000.0, .pairing = RopePairing::kNeighbours}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("use_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.feed_forward.bias = spec.attention.qkv_bias;
  return model;
}

}  // namespace firstlight
