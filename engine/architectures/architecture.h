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
  std::string_view golden;       // in tests/golden/, its first
  std::string_view checkpoints;  // what is published of this class, for docs/models.md
  // The `quant_method` that its weights may have; none where empty.
  std::string_view quantization = {};
  bool per_layer_config = false;  // whether it reads that field, which transformers 5 may write
};

// All of them, in alphabetical order.
absl::Span<const Architecture> Architectures();

absl::StatusOr<ModelConfig> ReadApertusConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadArceeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadBambaConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadBloomConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadCodeGenConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadCohere2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadCohereConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadCwmConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadDeepseekV2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadDeepseekV3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadDots1Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadErnie45Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadErnie45MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadExaone4Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadFalconConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadFalconH1Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma3TextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma4Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma4TextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemma4UnifiedTextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGemmaConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGlm4Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGlm4MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGlmConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGpt2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptBigCodeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptJConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptNeoConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptNeoXConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGptOssConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteMoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteMoeHybridConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadGraniteMoeSharedConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadHeliumConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadHunYuanDenseV1Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadLfm2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadLfm2MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadLfm3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadLlamaConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMamba2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMellumConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMiniCpm3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMinistral3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMinistralConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMistralConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMixtralConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadMptConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadNanoChatConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadNemotronConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadNemotronHConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOlmo2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOlmo3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOlmoConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOlmoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadOptConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadPersimmonConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadPhi3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadPhiConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadPhimoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen2MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen35Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen35MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen35MoeTextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen35TextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen3MoeConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadQwen3NextConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadSeedOssConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadSmolLM3Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadStableLmConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadStarcoder2Config(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadVaultGemmaConfig(const JsonValue& config);
absl::StatusOr<ModelConfig> ReadYoutuConfig(const JsonValue& config);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_ARCHITECTURE_H_
