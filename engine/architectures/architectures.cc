#include <array>

#include "engine/architectures/architecture.h"

namespace firstlight {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"DeepseekV2ForCausalLM", "DeepseekV2Model", "deepseek_v2", ReadDeepseekV2Config},
    Architecture{"DeepseekV3ForCausalLM", "DeepseekV3Model", "deepseek_v3", ReadDeepseekV3Config},
    Architecture{"Dots1ForCausalLM", "Dots1Model", "dots1", ReadDots1Config},
    Architecture{"Ernie4_5_MoeForCausalLM", "Ernie4_5_MoeModel", "ernie4_5_moe",
                 ReadErnie45MoeConfig},
    Architecture{"Glm4MoeForCausalLM", "Glm4MoeModel", "glm4_moe", ReadGlm4MoeConfig},
    Architecture{"GptOssForCausalLM", "GptOssModel", "gpt_oss", ReadGptOssConfig, "mxfp4"},
    Architecture{"GraniteMoeForCausalLM", "GraniteMoeModel", "granitemoe", ReadGraniteMoeConfig},
    Architecture{"GraniteMoeSharedForCausalLM", "GraniteMoeSharedModel", "granitemoeshared",
                 ReadGraniteMoeSharedConfig},
    Architecture{"LlamaForCausalLM", "LlamaModel", "llama", ReadLlamaConfig},
    Architecture{"MiniCPM3ForCausalLM", "MiniCPM3Model", "minicpm3", ReadMiniCpm3Config},
    Architecture{"MistralForCausalLM", "MistralModel", "mistral", ReadMistralConfig},
    Architecture{"MixtralForCausalLM", "MixtralModel", "mixtral", ReadMixtralConfig},
    Architecture{"OlmoeForCausalLM", "OlmoeModel", "olmoe", ReadOlmoeConfig},
    Architecture{"PhiMoEForCausalLM", "PhiMoEModel", "phimoe", ReadPhimoeConfig},
    Architecture{"PhimoeForCausalLM", "PhimoeModel", "phimoe", ReadPhimoeConfig},
    Architecture{"Qwen2MoeForCausalLM", "Qwen2MoeModel", "qwen2_moe", ReadQwen2MoeConfig},
    Architecture{"Qwen3MoeForCausalLM", "Qwen3MoeModel", "qwen3_moe", ReadQwen3MoeConfig},
    Architecture{"YoutuForCausalLM", "YoutuModel", "youtu", ReadYoutuConfig},
};

}  // namespace

absl::Span<const Architecture> Architectures() { return kArchitectures; }

}  // namespace firstlight
