#ifndef FIRSTLIGHT_ENGINE_MODEL_CONFIG_H_
#define FIRSTLIGHT_ENGINE_MODEL_CONFIG_H_

// What a checkpoint's config.json says, understood: which architecture it is, the decoder it
// describes, how long a sequence may get, which tokens end it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decoder/decoder_spec.h"
#include "loader/json.h"

namespace firstlight {

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM"
  DecoderSpec spec;
  // Positions that a sequence may have: max_position_embeddings, times the factor under dynamic
  // rope.
  int64_t context_length = 0;
  std::vector<int32_t> eos_token_ids;
};

// UNIMPLEMENTED for an architecture that is not known (listing those that are) and for what a known
// one can have that is not implemented; INVALID_ARGUMENT for a field of the wrong type or range.
absl::StatusOr<ModelConfig> ParseModelConfig(const JsonDocument& document);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MODEL_CONFIG_H_
