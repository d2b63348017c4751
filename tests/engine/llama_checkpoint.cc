#include "tests/engine/llama_checkpoint.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <random>

#include "gtest/gtest.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

uint16_t BFloat16Of(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}

// Called piece by piece, in the order of the file.
absl::Status FillRandomly(std::mt19937& generator, absl::Span<std::byte> out) {
  for (size_t i = 0; i + 1 < out.size(); i += 2) {
    const float unit = static_cast<float>(generator()) / 4294967296.0F;
    const uint16_t bits = BFloat16Of((unit - 0.5F) * 0.5F);
    std::memcpy(out.data() + i, &bits, sizeof(bits));
  }
  return absl::OkStatus();
}

}  // namespace

std::string LlamaConfig(const LlamaShape& shape, std::string_view more) {
  return StrCat(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama")",
                ", \"vocab_size\": ", shape.vocab_size, ", \"hidden_size\": ", shape.hidden_size,
                ", \"intermediate_size\": ", shape.intermediate_size,
                ", \"num_hidden_layers\": ", shape.num_hidden_layers,
                ", \"num_attention_heads\": ", shape.num_attention_heads,
                ", \"num_key_value_heads\": ", shape.num_key_value_heads, more, "}");
}

std::vector<TensorDeclaration> LlamaTensors(const LlamaShape& shape, DType dtype) {
  const int64_t hidden = shape.hidden_size;
  const int64_t intermediate = shape.intermediate_size;
  const int64_t key_value = hidden / shape.num_attention_heads * shape.num_key_value_heads;
  std::vector<TensorDeclaration> tensors = {
      {"model.embed_tokens.weight", dtype, {shape.vocab_size, hidden}},
      {"model.norm.weight", dtype, {hidden}},
      {"lm_head.weight", dtype, {shape.vocab_size, hidden}},
  };
  for (int64_t layer = 0; layer < shape.num_hidden_layers; ++layer) {
    const std::string prefix = StrCat("model.layers.", layer, ".");
    tensors.insert(tensors.end(),
                   {{prefix + "input_layernorm.weight", dtype, {hidden}},
                    {prefix + "self_attn.q_proj.weight", dtype, {hidden, hidden}},
                    {prefix + "self_attn.k_proj.weight", dtype, {key_value, hidden}},
                    {prefix + "self_attn.v_proj.weight", dtype, {key_value, hidden}},
                    {prefix + "self_attn.o_proj.weight", dtype, {hidden, hidden}},
                    {prefix + "post_attention_layernorm.weight", dtype, {hidden}},
                    {prefix + "mlp.gate_proj.weight", dtype, {intermediate, hidden}},
                    {prefix + "mlp.up_proj.weight", dtype, {intermediate, hidden}},
                    {prefix + "mlp.down_proj.weight", dtype, {hidden, intermediate}}});
  }
  return tensors;
}

void WriteCheckpoint(const std::string& directory, const std::string& config,
                     const std::vector<TensorDeclaration>& tensors, bool sparse) {
  std::ofstream(directory + "/config.json") << config;
  std::mt19937 generator(1);
  const absl::Status status =
      WriteSafetensors(directory + "/model.safetensors", tensors,
                       [&generator](const TensorDeclaration&, int64_t, absl::Span<std::byte> out) {
                         return FillRandomly(generator, out);
                       },
                       {.sparse = sparse});
  ASSERT_TRUE(status.ok()) << status;
}

}  // namespace firstlight
