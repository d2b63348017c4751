#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_PLAN_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_PLAN_H_

// Where the weights of a model lie in its mapped files, in the order in which a forward pass needs
// them: the embedding's rows and what else comes before the layers, layer after layer, the output
// head.
//
// A pass needs of the embedding only the rows of its tokens, of a mixture only the experts that its
// tokens choose, and of everything else every byte.
// Weights that were copied into memory are not in a file and have no ranges. Within a stage no byte
// is listed twice, however tensors share or touch each other; a tensor that two stages use is
// listed in both (the head that is tied to the embedding is the whole table).
//
// Immutable; any thread. Ranges are valid as long as the checkpoint.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/decoder/weights.h"
#include "loader/checkpoint.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

class WeightPlan {
 public:
  using Ranges = std::vector<ByteRange>;

  // `weights` were bound from `checkpoint`, which outlives the plan.
  WeightPlan(const BoundWeights& weights, const Checkpoint& checkpoint);

  // What each stage after the embedding reads in every pass: the layers in their order, then the
  // final norm and the head. Ranges ascend, file by file.
  const std::vector<Ranges>& stages() const { return stages_; }  // [num_hidden_layers + 1]
  int64_t head_stage() const { return static_cast<int64_t>(stages_.size()) - 1; }

  // The rows of `tokens`, each once, of the embedding and of the table of inputs for each layer.
  // Empty where they are not in a file.
  Ranges EmbeddingRows(absl::Span<const int32_t> tokens) const;
  // The whole tables.
  const Ranges& embedding() const { return embedding_; }
  // What every pass reads beside them before its first layer: learned positions, norms.
  const Ranges& with_embedding() const { return with_embedding_; }

  // Those experts of a layer, each byte once. Empty where it is no mixture.
  Ranges Experts(int64_t layer, absl::Span<const int32_t> experts) const;
  int64_t num_experts(int64_t layer) const {
    return static_cast<int64_t>(experts_[static_cast<size_t>(layer)].size());
  }
  // Every expert of every layer.
  const Ranges& experts() const { return all_experts_; }

  // All stages and what is read with the embedding together, each byte once: what every pass reads.
  const Ranges& every_pass() const { return every_pass_; }
  int64_t every_pass_bytes() const { return every_pass_bytes_; }
  // Whether that includes the embedding: it is the head, too, or is in no file.
  bool rows_are_of_every_pass() const { return rows_are_of_every_pass_; }
  // Those, the embedding and the experts, each byte once.
  const Ranges& all() const { return all_; }
  int64_t all_bytes() const { return all_bytes_; }

 private:
  std::optional<ByteRange> InFile(const void* data, int64_t bytes) const;
  void Append(const WeightRows& rows, Ranges* ranges) const;

  // One row a token.
  struct Table {
    ByteRange range;
    int64_t row_bytes = 0;
  };
  void AppendTable(const WeightRows& rows);

  std::vector<const MappedFile*> files_;
  std::vector<Ranges> stages_;
  Ranges embedding_;
  std::vector<Table> tables_;  // what embedding_ is
  Ranges with_embedding_;
  std::vector<std::vector<Ranges>> experts_;  // [num_hidden_layers][num_experts]
  Ranges all_experts_;
  Ranges every_pass_;
  bool rows_are_of_every_pass_ = false;
  int64_t every_pass_bytes_ = 0;
  Ranges all_;
  int64_t all_bytes_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_WEIGHT_PLAN_H_
