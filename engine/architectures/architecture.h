#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_ARCHITECTURE_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_ARCHITECTURE_H_

// The architectures that the decoder runs. A family is one file in this folder, which turns
// config.json into a ModelConfig, a declaration below and a line in architectures.cc; and a golden
// in tests/golden/.
//
// A family's function gives a field that is left out its configuration class's own default in
// transformers, and refuses by name what it would compute differently from transformers.

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model_config.h"
#include "loader/json.h"

namespace firstlight {

struct Architecture {
  std::string_view name;        // as in config.json's `architectures`
  std::string_view base_name;   // there in files written from the model without its head
  std::string_view model_type;  // for files without that
  // Everything but ModelConfig::architecture.
  absl::StatusOr<ModelConfig> (*read_config)(const JsonValue& config);
  // The `quant_method` that its weights may have; none where empty.
  std::string_view quantization = {};
};

// All of them, in alphabetical order.
absl::Span<const Architecture> Architectures();

absl::StatusOr<ModelConfig> ReadDeepseekV2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadDeepseekV3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadDots1Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadErnie45MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGlm4MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptOssConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteMoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteMoeSharedConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadLlamaConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMiniCpm3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMistralConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMixtralConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOlmoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadPhimoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen2MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen3MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadYoutuConfig(const JsonValue& config);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_ARCHITECTURE_H_
