#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_SHAPES_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_SHAPES_H_

// The published models whose shape can be synthesized: their configuration as it was published, and
// what follows from it: which tensors there are and how they are spread over files.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/safetensors_writer.h"

namespace firstlight {

enum class TokenizerStyle : uint8_t {
  kLlama3,     // byte-level BPE, 128,000 tokens and 256 special ones
  kLlama31,    // the same with the special tokens of 3.1 and later
  kLlama2,     // 32,000 pieces with byte fallback, spaces as U+2581 by a normalizer
  kMistralV3,  // 32,768 pieces with byte fallback, spaces by the Metaspace pre-tokenizer
  kSmolLm2,    // byte-level BPE, 49,152 tokens, GPT-2's pattern, single digits
};

struct ModelShape {
  std::string_view name;
  std::string_view config_json;             // config.json
  std::string_view generation_config_json;  // generation_config.json
  TokenizerStyle tokenizer = TokenizerStyle::kLlama3;
  int64_t max_shard_bytes = 0;
  // Early Llama checkpoints hold rotary_emb.inv_freq, which no weight slot wants.
  bool has_inverse_frequencies = false;
};

// In the order that help shows them.
absl::Span<const ModelShape> AllShapes();

// INVALID_ARGUMENT naming the known shapes.
absl::StatusOr<const ModelShape*> FindShape(std::string_view name);

// The tensors in the order of the model's definition, which is the order in which the published
// sharding fills its files.
absl::StatusOr<std::vector<TensorDeclaration>> TensorsOf(const ModelShape& shape);

struct Shard {
  std::string file_name;  // "model.safetensors", or "model-00001-of-00004.safetensors"
  std::vector<TensorDeclaration> tensors;
  int64_t bytes = 0;
};

// Fills files in order, starting the next one where a tensor would go past the limit.
absl::StatusOr<std::vector<Shard>> ShardsOf(const ModelShape& shape);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_SHAPES_H_
