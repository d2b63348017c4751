// Arcee's AFM (2025; transformers' models/arcee): Llama with a plain feed-forward of squared relu.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadArceeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.hidden_size = 2560,
                                                   .intermediate_size = 18432,
                                                   .max_position_embeddings = 4096,
                                                   .norm_eps = 1e-5,
                                                   .activation = "relu2",
                                                   .eos_token_ids = {128001}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  spec.feed_forward.gated = false;
  return model;
}

}  // namespace firstlight
