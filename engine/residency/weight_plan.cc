#include "engine/residency/weight_plan.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <tuple>

#include "engine/kernels/mxfp4.h"
#include "engine/kernels/weight_rows.h"
#include "loader/mapped_file.h"

namespace firstlight {
namespace {

const std::byte* EndOf(const ByteRange& range) { return range.bytes.data() + range.bytes.size(); }

// Ascending, file by file; those that overlap or touch are one.
WeightPlan::Ranges Merge(WeightPlan::Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) {
    return std::make_tuple(a.file, a.bytes.data()) < std::make_tuple(b.file, b.bytes.data());
  });
  WeightPlan::Ranges merged;
  for (const ByteRange& range : ranges) {
    if (range.bytes.empty()) continue;
    if (merged.empty() || merged.back().file != range.file ||
        EndOf(merged.back()) < range.bytes.data()) {
      merged.push_back(range);
      continue;
    }
    ByteRange& last = merged.back();
    const std::byte* const end = std::max(EndOf(last), EndOf(range));
    last.bytes = {last.bytes.data(), static_cast<size_t>(end - last.bytes.data())};
  }
  return merged;
}

int64_t BytesOf(const WeightPlan::Ranges& ranges) {
  int64_t bytes = 0;
  for (const ByteRange& range : ranges) bytes += static_cast<int64_t>(range.bytes.size());
  return bytes;
}

}  // namespace

WeightPlan::WeightPlan(const BoundWeights& weights, const Checkpoint& checkpoint) {
  for (const std::shared_ptr<const MappedFile>& file : checkpoint.files()) {
    files_.push_back(file.get());
  }
  stages_.reserve(weights.layers.size() + 1);
  for (const LayerWeights& layer : weights.layers) {
    Ranges& stage = stages_.emplace_back();
    VisitWeights(layer, [&](const WeightRows& rows) { Append(rows, &stage); });
    stage = Merge(std::move(stage));
    std::vector<Ranges>& experts = experts_.emplace_back();
    for (const ExpertWeights& expert : layer.mixture.experts) {
      Ranges& ranges = experts.emplace_back();
      VisitWeights(expert, [&](const WeightRows& rows) { Append(rows, &ranges); });
      all_experts_.insert(all_experts_.end(), ranges.begin(), ranges.end());
    }
  }
  all_experts_ = Merge(std::move(all_experts_));
  Ranges& head = stages_.emplace_back();
  VisitWeights(weights.final_norm, [&](const WeightRows& rows) { Append(rows, &head); });
  VisitWeights(weights.head, [&](const WeightRows& rows) { Append(rows, &head); });
  head = Merge(std::move(head));

  AppendTable(weights.embedding);
  AppendTable(weights.per_layer_embedding);
  embedding_ = Merge(std::move(embedding_));
  const auto append = [&](const WeightRows& rows) { Append(rows, &with_embedding_); };
  append(weights.positions);
  VisitWeights(weights.embedding_norm, append);
  VisitWeights(weights.per_layer_projection, append);
  VisitWeights(weights.per_layer_norm, append);
  with_embedding_ = Merge(std::move(with_embedding_));
  every_pass_ = with_embedding_;
  for (const Ranges& stage : stages_) {
    every_pass_.insert(every_pass_.end(), stage.begin(), stage.end());
  }
  every_pass_ = Merge(std::move(every_pass_));
  every_pass_bytes_ = BytesOf(every_pass_);
  all_ = every_pass_;
  all_.insert(all_.end(), embedding_.begin(), embedding_.end());
  rows_are_of_every_pass_ = BytesOf(Merge(all_)) == every_pass_bytes_;
  all_.insert(all_.end(), all_experts_.begin(), all_experts_.end());
  all_ = Merge(std::move(all_));
  all_bytes_ = BytesOf(all_);
}

// Empty for an absent weight and for one that is not in a file.
std::optional<ByteRange> WeightPlan::InFile(const void* data, int64_t bytes) const {
  if (data == nullptr) return std::nullopt;
  const auto* const begin = static_cast<const std::byte*>(data);
  const std::less_equal<> not_after;
  for (const MappedFile* const file : files_) {
    const absl::Span<const std::byte> mapped = file->bytes();
    if (not_after(mapped.data(), begin) &&
        not_after(begin + bytes, mapped.data() + mapped.size())) {
      return ByteRange{.bytes = {begin, static_cast<size_t>(bytes)}, .file = file};
    }
  }
  return std::nullopt;
}

void WeightPlan::AppendTable(const WeightRows& rows) {
  const size_t before = embedding_.size();
  Append(rows, &embedding_);
  if (embedding_.size() == before) return;
  tables_.push_back(
      {.range = embedding_.back(), .row_bytes = rows.row_stride * WeightTypeBytes(rows.type)});
}

void WeightPlan::Append(const WeightRows& rows, Ranges* ranges) const {
  const int64_t elements = (rows.rows - 1) * rows.row_stride + rows.columns;
  if (const std::optional<ByteRange> range = InFile(rows.data, WeightBytes(rows.type, elements));
      range.has_value()) {
    ranges->push_back(*range);
  }
  const int64_t scales = (rows.rows - 1) * rows.scale_stride + rows.columns / kMxfp4BlockElements;
  if (const std::optional<ByteRange> range = InFile(rows.scales, scales); range.has_value()) {
    ranges->push_back(*range);
  }
}

WeightPlan::Ranges WeightPlan::Experts(int64_t layer, absl::Span<const int32_t> experts) const {
  Ranges ranges;
  for (const int32_t expert : experts) {
    const Ranges& of_expert = experts_[static_cast<size_t>(layer)][static_cast<size_t>(expert)];
    ranges.insert(ranges.end(), of_expert.begin(), of_expert.end());
  }
  return Merge(std::move(ranges));
}

WeightPlan::Ranges WeightPlan::EmbeddingRows(absl::Span<const int32_t> tokens) const {
  Ranges rows;
  for (const auto& [table, row_bytes] : tables_) {
    for (const int32_t token : tokens) {
      rows.push_back({.bytes = table.bytes.subspan(static_cast<size_t>(token * row_bytes),
                                                   static_cast<size_t>(row_bytes)),
                      .file = table.file});
    }
  }
  return Merge(std::move(rows));
}

}  // namespace firstlight
