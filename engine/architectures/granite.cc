// Granite 3 (transformers' models/granite): Llama with multipliers on embeddings, attention, what
// sublayers add, and logits.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGraniteConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, {.eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  constexpr double kLeast = 1e-9;
  constexpr double kMost = 1e9;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.embedding.multiplier,
                              ReadNumber(config, "embedding_multiplier", 1.0, kLeast, kMost));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.residual.multiplier,
                              ReadNumber(config, "residual_multiplier", 1.0, kLeast, kMost));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.scale,
                              ReadNumber(config, "attention_multiplier", 1.0, kLeast, kMost));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double divisor,
                              ReadNumber(config, "logits_scaling", 1.0, kLeast, kMost));
  spec.head.multiplier = 1.0 / divisor;
  return model;
}

}  // namespace firstlight
