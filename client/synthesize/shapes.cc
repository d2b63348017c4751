#include "client/synthesize/shapes.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

// The sizes that decide the tensors.
struct Dimensions {
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t intermediate = 0;
  int64_t layers = 0;
  int64_t head = 0;
  int64_t query = 0;      // attention heads × head
  int64_t key_value = 0;  // key-value heads × head
  bool tied = false;
  DType dtype = DType::kBF16;
};

absl::StatusOr<Dimensions> DimensionsOf(const ModelShape& shape) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::unique_ptr<const JsonDocument> document,
      JsonDocument::Parse(std::string(shape.name), std::string(shape.config_json)));
  const JsonValue config = document->root();
  Dimensions result;
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.vocabulary, config.GetInt64("vocab_size"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.hidden, config.GetInt64("hidden_size"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.intermediate, config.GetInt64("intermediate_size"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.layers, config.GetInt64("num_hidden_layers"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t heads, config.GetInt64("num_attention_heads"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t shared, config.GetInt64("num_key_value_heads"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.head, config.GetInt64("head_dim", result.hidden / heads));
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.tied, config.GetBool("tie_word_embeddings"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view dtype, config.GetString("torch_dtype"));
  result.query = heads * result.head;
  result.key_value = shared * result.head;
  result.dtype = dtype == "float16" ? DType::kF16 : DType::kBF16;
  return result;
}

}  // namespace

absl::StatusOr<const ModelShape*> FindShape(std::string_view name) {
  std::string known;
  for (const ModelShape& shape : AllShapes()) {
    if (shape.name == name) return &shape;
    StrAppend(&known, known.empty() ? "" : ", ", shape.name);
  }
  return absl::InvalidArgumentError(StrCat("shape ", Quoted(name), ": expected one of ", known));
}

absl::StatusOr<std::vector<TensorDeclaration>> TensorsOf(const ModelShape& shape) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Dimensions size, DimensionsOf(shape));
  std::vector<TensorDeclaration> tensors;
  const auto add = [&tensors, &size](std::string name, Shape extents) {
    tensors.push_back({std::move(name), size.dtype, std::move(extents)});
  };
  add("model.embed_tokens.weight", {size.vocabulary, size.hidden});
  for (int64_t layer = 0; layer < size.layers; ++layer) {
    const std::string prefix = StrCat("model.layers.", layer, ".");
    add(prefix + "self_attn.q_proj.weight", {size.query, size.hidden});
    add(prefix + "self_attn.k_proj.weight", {size.key_value, size.hidden});
    add(prefix + "self_attn.v_proj.weight", {size.key_value, size.hidden});
    add(prefix + "self_attn.o_proj.weight", {size.hidden, size.query});
    if (shape.has_inverse_frequencies) {
      tensors.push_back({prefix + "self_attn.rotary_emb.inv_freq", DType::kF32, {size.head / 2}});
    }
    add(prefix + "mlp.gate_proj.weight", {size.intermediate, size.hidden});
    add(prefix + "mlp.up_proj.weight", {size.intermediate, size.hidden});
    add(prefix + "mlp.down_proj.weight", {size.hidden, size.intermediate});
    add(prefix + "input_layernorm.weight", {size.hidden});
    add(prefix + "post_attention_layernorm.weight", {size.hidden});
  }
  add("model.norm.weight", {size.hidden});
  if (!size.tied) add("lm_head.weight", {size.vocabulary, size.hidden});
  return tensors;
}

absl::StatusOr<std::vector<Shard>> ShardsOf(const ModelShape& shape) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::vector<TensorDeclaration> tensors, TensorsOf(shape));
  std::vector<Shard> shards(1);
  for (TensorDeclaration& tensor : tensors) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(tensor));
    if (shards.back().bytes > 0 && shards.back().bytes + bytes > shape.max_shard_bytes) {
      shards.emplace_back();
    }
    shards.back().bytes += bytes;
    shards.back().tensors.push_back(std::move(tensor));
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    shards[i].file_name = shards.size() == 1 ? "model.safetensors"
                                             : absl::StrFormat("model-%05d-of-%05d.safetensors",
                                                               i + 1, shards.size());
  }
  return shards;
}

}  // namespace firstlight
