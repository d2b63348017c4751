#include <array>

#include "engine/architectures/architecture.h"

namespace firstlight {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"LlamaForCausalLM", "llama", ReadLlamaConfig},
    Architecture{"MistralForCausalLM", "mistral", ReadMistralConfig},
};

}  // namespace

absl::Span<const Architecture> Architectures() { return kArchitectures; }

}  // namespace firstlight
