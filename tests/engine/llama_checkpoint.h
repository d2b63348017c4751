#ifndef FIRSTLIGHT_TESTS_ENGINE_LLAMA_CHECKPOINT_H_
#define FIRSTLIGHT_TESTS_ENGINE_LLAMA_CHECKPOINT_H_

// Checkpoints of the Llama class that a test makes for itself: of any size, with a tensor left out,
// reshaped or of another dtype.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loader/safetensors_writer.h"

namespace firstlight {

struct LlamaShape {
  int64_t vocab_size = 11;
  int64_t hidden_size = 8;
  int64_t intermediate_size = 12;
  int64_t num_hidden_layers = 1;
  int64_t num_attention_heads = 4;
  int64_t num_key_value_heads = 2;
};

// config.json; `more` is further members, each with a comma before it.
std::string LlamaConfig(const LlamaShape& shape, std::string_view more = "");

// What a file of that shape holds, head included.
std::vector<TensorDeclaration> LlamaTensors(const LlamaShape& shape, DType dtype = DType::kBF16);

// Writes config.json and model.safetensors, with values in [-0.25, 0.25] that follow from `tensors`
// alone (BF16; other dtypes get the same bytes); zeros that take no space when `sparse`.
void WriteCheckpoint(const std::string& directory, const std::string& config,
                     const std::vector<TensorDeclaration>& tensors, bool sparse = false);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_LLAMA_CHECKPOINT_H_
