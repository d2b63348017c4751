#include "engine/decoder/weight_slots.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "loader/base/strings.h"
#include "loader/mapped_file.h"

namespace firstlight {
namespace {

std::optional<WeightType> WeightTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return WeightType::kF32;
    case DType::kF16:
      return WeightType::kF16;
    case DType::kBF16:
      return WeightType::kBF16;
    default:
      return std::nullopt;
  }
}

std::string Describe(const TensorView& tensor) {
  return StrCat(tensor.file == nullptr ? "" : StrCat(tensor.file->name(), ": "), "tensor ",
                Quoted(tensor.name));
}

}  // namespace

TensorSpelling::TensorSpelling(const TensorNames& names, const Checkpoint& checkpoint)
    : from_(names.base_prefix),
      to_(names.base_prefix),
      from_head_(names.head),
      to_head_(names.head) {
  const std::string nested = "language_model.";
  const std::string model = "model.";
  const std::string without =
      names.base_prefix.starts_with(model) ? names.base_prefix.substr(model.size()) : "";
  const std::array<std::array<std::string, 2>, 5> spellings = {
      {{names.base_prefix, ""},
       {without, ""},
       {nested + names.base_prefix, nested},
       {names.base_prefix + nested, ""},
       {names.other_base_prefix, ""}}};
  for (const auto& [base, head] : spellings) {
    if (checkpoint.Find(base + names.embedding + ".weight") == nullptr) continue;
    to_ = base;
    head_ = head;
    break;
  }
  if (!names.older_head.empty() &&
      checkpoint.Find(head_ + names.older_head + ".weight") != nullptr) {
    to_head_ = names.older_head;
  }
}

std::string TensorSpelling::Base(const std::string& slot) const {
  return to_ + slot.substr(from_.size());
}

std::string TensorSpelling::Head(const std::string& slot) const {
  return head_ + to_head_ + slot.substr(from_head_.size());
}

WeightSlots::WeightSlots(const TensorNames& names, const Checkpoint& checkpoint, bool copy_weights,
                         LoadReport* report)
    : checkpoint_(checkpoint),
      spelling_(names, checkpoint),
      copy_weights_(copy_weights),
      report_(*report) {}

const TensorView* WeightSlots::Find(const std::string& slot) const {
  return checkpoint_.Find(spelling_.Base(slot));
}

const TensorView* WeightSlots::FindHead(const std::string& slot) const {
  return checkpoint_.Find(spelling_.Head(slot));
}

const TensorView* WeightSlots::Tensor(const std::string& slot, const std::string& file_name,
                                      const Shape& shape) {
  const TensorView* const tensor = checkpoint_.Find(file_name);
  if (tensor == nullptr) {
    report_.missing.push_back({.slot = slot, .tensor = file_name});
    return nullptr;
  }
  bound_.insert(tensor);
  if (tensor->shape != shape) {
    Fail(absl::InvalidArgumentError(StrCat(Describe(*tensor), ": expected shape ",
                                           ShapeToString(shape), ", found ",
                                           ShapeToString(tensor->shape))));
    return nullptr;
  }
  return tensor;
}

std::optional<WeightType> WeightSlots::TypeOf(const TensorView& tensor) {
  const std::optional<WeightType> type = WeightTypeOf(tensor.dtype);
  if (!type.has_value()) {
    Fail(absl::UnimplementedError(StrCat(
        Describe(tensor), ": expected dtype F32, F16 or BF16, found ", DTypeName(tensor.dtype))));
  }
  return type;
}

WeightRows WeightSlots::Assign(const std::string& slot, const TensorView* tensor) {
  if (tensor == nullptr) return {};
  const std::optional<WeightType> type = TypeOf(*tensor);
  if (!type.has_value()) return {};
  const int64_t columns = tensor->shape.empty() ? 1 : tensor->shape.back();
  WeightRows rows{.data = tensor->data.data(),
                  .type = *type,
                  .rows = tensor->NumElements() / columns,
                  .columns = columns,
                  .row_stride = columns};
  if (copy_weights_) {
    std::byte* const copy = NewCopy(tensor->data.size());
    std::memcpy(copy, tensor->data.data(), tensor->data.size());
    rows.data = copy;
    Report(slot, *tensor, Disposition::kCopied, "copying was asked for");
  } else {
    Report(slot, *tensor, Disposition::kAssigned, "");
  }
  return rows;
}

WeightRows WeightSlots::Weight(const std::string& slot, const Shape& shape) {
  return Assign(slot, Tensor(slot, spelling_.Base(slot), shape));
}

WeightRows WeightSlots::HeadWeight(const std::string& slot, const Shape& shape) {
  return Assign(slot, Tensor(slot, spelling_.Head(slot), shape));
}

WeightRows WeightSlots::Rearranged(const std::string& slot, const Shape& shape, int64_t columns,
                                   Rearrangement rearrange, std::string_view reason) {
  const TensorView* const tensor = Tensor(slot, spelling_.Base(slot), shape);
  if (tensor == nullptr) return {};
  const std::optional<WeightType> type = TypeOf(*tensor);
  if (!type.has_value()) return {};
  std::byte* const copy = NewCopy(tensor->data.size());
  rearrange(shape, WeightTypeBytes(*type), tensor->data.data(), copy);
  Report(slot, *tensor, Disposition::kCopied, reason);
  return {.data = copy,
          .type = *type,
          .rows = tensor->NumElements() / columns,
          .columns = columns,
          .row_stride = columns};
}

WeightRows WeightSlots::Gathered(absl::Span<const std::string> slots, int64_t columns,
                                 std::string_view reason) {
  WeightRows rows;
  for (size_t i = 0; i < slots.size(); ++i) {
    const TensorView* const tensor = Tensor(slots[i], spelling_.Base(slots[i]), {columns});
    if (tensor == nullptr) return {};
    const std::optional<WeightType> type = TypeOf(*tensor);
    if (!type.has_value()) return {};
    if (i == 0) {
      rows = {.data = NewCopy(tensor->data.size() * slots.size()),
              .type = *type,
              .rows = static_cast<int64_t>(slots.size()),
              .columns = columns,
              .row_stride = columns};
    } else if (*type != rows.type) {
      Fail(
          absl::UnimplementedError(StrCat(Describe(*tensor), ": expected the dtype of ",
                                          Quoted(slots[0]), ", found ", DTypeName(tensor->dtype))));
      return {};
    }
    std::memcpy(copies_.back().get() + i * tensor->data.size(), tensor->data.data(),
                tensor->data.size());
    Report(slots[i], *tensor, Disposition::kCopied, reason);
  }
  return rows;
}

const std::byte* WeightSlots::Bytes(const std::string& slot, const Shape& shape) {
  const TensorView* const tensor = Tensor(slot, spelling_.Base(slot), shape);
  if (tensor == nullptr) return nullptr;
  if (tensor->dtype != DType::kU8) {
    Fail(absl::UnimplementedError(
        StrCat(Describe(*tensor), ": expected dtype U8, found ", DTypeName(tensor->dtype))));
    return nullptr;
  }
  if (!copy_weights_) {
    Report(slot, *tensor, Disposition::kAssigned, "");
    return tensor->data.data();
  }
  std::byte* const copy = NewCopy(tensor->data.size());
  std::memcpy(copy, tensor->data.data(), tensor->data.size());
  Report(slot, *tensor, Disposition::kCopied, "copying was asked for");
  return copy;
}

WeightRows WeightSlots::Ones(int64_t columns) {
  std::byte* const row = NewCopy(static_cast<size_t>(columns) * sizeof(float));
  constexpr float kOne = 1.0F;
  for (int64_t i = 0; i < columns; ++i) {
    std::memcpy(row + i * int64_t{sizeof(float)}, &kOne, sizeof(kOne));
  }
  return {
      .data = row, .type = WeightType::kF32, .rows = 1, .columns = columns, .row_stride = columns};
}

void WeightSlots::Tie(const std::string& slot, const std::string& owner) {
  const TensorView* const tensor = Find(owner);
  if (tensor == nullptr) return;  // reported as the owner's
  Report(slot, *tensor, Disposition::kTied, owner);
}

absl::Status WeightSlots::Finish() {
  for (const TensorView& tensor : checkpoint_.tensors()) {
    if (bound_.contains(&tensor)) continue;
    report_.unexpected.push_back({.tensor = tensor.name,
                                  .dtype = tensor.dtype,
                                  .shape = tensor.shape,
                                  .bytes = static_cast<int64_t>(tensor.data.size())});
  }
  if (!report_.missing.empty()) {
    Fail(absl::InvalidArgumentError(StrCat(
        checkpoint_.directory(), ": tensor \"", report_.missing.front().tensor,
        "\": expected by the architecture, found none",
        report_.missing.size() == 1 ? ""
                                    : StrCat(" (nor ", report_.missing.size() - 1, " others)"))));
  }
  return status_;
}

std::byte* WeightSlots::NewCopy(size_t bytes) {
  copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
  return copies_.back().get();
}

void WeightSlots::Report(const std::string& slot, const TensorView& tensor, Disposition disposition,
                         std::string_view detail) {
  report_.slots.push_back({.slot = slot,
                           .tensor = tensor.name,
                           .dtype = tensor.dtype,
                           .shape = tensor.shape,
                           .bytes = static_cast<int64_t>(tensor.data.size()),
                           .disposition = disposition,
                           .detail = std::string(detail)});
}

// In squares that the cache holds.
void Transpose(const Shape& shape, int64_t element_bytes, const std::byte* from, std::byte* to) {
  constexpr int64_t kSquare = 64;
  const int64_t rows = shape[0];
  const int64_t columns = shape[1];
  for (int64_t top = 0; top < rows; top += kSquare) {
    for (int64_t left = 0; left < columns; left += kSquare) {
      for (int64_t row = top; row < std::min(top + kSquare, rows); ++row) {
        for (int64_t column = left; column < std::min(left + kSquare, columns); ++column) {
          std::memcpy(to + (column * rows + row) * element_bytes,
                      from + (row * columns + column) * element_bytes,
                      static_cast<size_t>(element_bytes));
        }
      }
    }
  }
}

WeightRows SliceRows(const WeightRows& all, int64_t first, int64_t rows) {
  if (all.data == nullptr) return {};
  WeightRows slice = all;
  slice.data =
      static_cast<const std::byte*>(all.data) + WeightBytes(all.type, first * all.row_stride);
  slice.rows = rows;
  return slice;
}

WeightRows SliceColumns(const WeightRows& all, int64_t first, int64_t columns) {
  if (all.data == nullptr) return {};
  WeightRows slice = all;
  slice.data = static_cast<const std::byte*>(all.data) + WeightBytes(all.type, first);
  slice.columns = columns;
  return slice;
}

}  // namespace firstlight
