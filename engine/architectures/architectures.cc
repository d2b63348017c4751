#include <array>

#include "engine/architectures/architecture.h"

namespace firstlight {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"LlamaForCausalLM", "LlamaModel", "llama", ReadLlamaConfig},
    Architecture{"MistralForCausalLM", "MistralModel", "mistral", ReadMistralConfig},
    Architecture{"MixtralForCausalLM", "MixtralModel", "mixtral", ReadMixtralConfig},
};

}  // namespace

absl::Span<const Architecture> Architectures() { return kArchitectures; }

}  // namespace firstlight
