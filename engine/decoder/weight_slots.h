#ifndef FIRSTLIGHT_ENGINE_DECODER_WEIGHT_SLOTS_H_
#define FIRSTLIGHT_ENGINE_DECODER_WEIGHT_SLOTS_H_

// Slot after slot, a checkpoint's tensors as the rows that kernels read, and the report of what
// became of each. What goes wrong is kept, so that the report lists every slot; the rows returned
// then are absent. Used by BindWeights alone.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "engine/decoder/decoder_spec.h"
#include "engine/kernels/weight_rows.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"

namespace firstlight {

// What a file calls the tensors of a model, which has several ways to be written.
class TensorSpelling {
 public:
  // The first one under which the checkpoint has the embedding: as the names say; without the base
  // prefix; inside a model that also sees or hears, as published and as transformers 5 writes it.
  TensorSpelling(const TensorNames& names, const Checkpoint& checkpoint);

  // `slot` begins with the base prefix.
  std::string Base(const std::string& slot) const;
  std::string Head(const std::string& slot) const;

 private:
  std::string from_;  // the base prefix of slots
  std::string to_;    // and of the file
  std::string head_;  // before the head's name there
  std::string from_head_;
  std::string to_head_;
};

class WeightSlots {
 public:
  // Writes at `to` what lies at `from`, in another order.
  using Rearrangement = void (*)(const Shape& shape, int64_t element_bytes, const std::byte* from,
                                 std::byte* to);

  // All outlive it.
  WeightSlots(const TensorNames& names, const Checkpoint& checkpoint, bool copy_weights,
              LoadReport* report);

  // The tensor of a slot, or null; neither reported nor missed.
  const TensorView* Find(const std::string& slot) const;
  const TensorView* FindHead(const std::string& slot) const;

  // The tensor of `slot` as rows of its last dimension, which must be of `shape`.
  WeightRows Weight(const std::string& slot, const Shape& shape);
  WeightRows HeadWeight(const std::string& slot, const Shape& shape);
  // A copy of it, rearranged, for the `reason` given: as many elements, in rows of `columns`.
  WeightRows Rearranged(const std::string& slot, const Shape& shape, int64_t columns,
                        Rearrangement rearrange, std::string_view reason);
  // Copies of tensors of `columns` elements each, as the rows of one.
  WeightRows Gathered(absl::Span<const std::string> slots, int64_t columns,
                      std::string_view reason);
  // Its bytes, of dtype U8; null where that fails.
  const std::byte* Bytes(const std::string& slot, const Shape& shape);
  // A row of ones, of float32.
  WeightRows Ones(int64_t columns);
  // Notes that `slot` is the tensor of slot `owner`.
  void Tie(const std::string& slot, const std::string& owner);

  void Fail(const absl::Status& status) { status_.Update(status); }

  // Reports what no slot wanted. The first failure, or what is missing.
  absl::Status Finish();
  std::vector<std::unique_ptr<std::byte[]>> TakeCopies() { return std::move(copies_); }

 private:
  const TensorView* Tensor(const std::string& slot, const std::string& file_name,
                           const Shape& shape);
  std::optional<WeightType> TypeOf(const TensorView& tensor);
  WeightRows Assign(const std::string& slot, const TensorView* tensor);
  std::byte* NewCopy(size_t bytes);
  void Report(const std::string& slot, const TensorView& tensor, Disposition disposition,
              std::string_view detail);

  const Checkpoint& checkpoint_;
  const TensorSpelling spelling_;
  const bool copy_weights_;
  LoadReport& report_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  absl::flat_hash_set<const TensorView*> bound_;
  absl::Status status_;  // the first failure
};

// [rows, columns] to [columns, rows].
void Transpose(const Shape& shape, int64_t element_bytes, const std::byte* from, std::byte* to);

// Rows [first, first + rows) of `all`.
WeightRows SliceRows(const WeightRows& all, int64_t first, int64_t rows);
// Elements [first, first + columns) of the one row of `all`.
WeightRows SliceColumns(const WeightRows& all, int64_t first, int64_t columns);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_WEIGHT_SLOTS_H_
