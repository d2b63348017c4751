// Helium (Kyutai, 2025; transformers' models/helium): Llama in which neighbours turn together.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadHeliumConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config,
                  {.vocab_size = 48000,
                   .hidden_size = 2560,
                   .intermediate_size = 7040,
                   .num_hidden_layers = 24,
                   .num_attention_heads = 20,
                   .num_key_value_heads = 20,
                   .head_dim = 128,
                   .max_position_embeddings = 4096,
                   .norm_eps = 1e-8,
                   .eos_token_ids = {2},
                   .rope = RopeContext{.theta = 100000.0, .pairing = RopePairing::kNeighbours}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  spec.attention.output_bias = false;
  return model;
}

}  // namespace firstlight
