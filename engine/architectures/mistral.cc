// Mistral (Jiang et al., arXiv:2310.06825; transformers' models/mistral): Llama with other defaults
// and a sliding window.

#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMistralConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.intermediate_size = 14336,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 131072,
                                                   .eos_token_ids = {2}}));
  constexpr std::string_view kWindow = "sliding_window";
  if (!IsNull(config, kWindow)) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(model.spec.layer_kinds[0].window,
                                ReadInteger(config, kWindow, 4096, 1, SizeLimits::kPositions));
  }
  return model;
}

}  // namespace firstlight
