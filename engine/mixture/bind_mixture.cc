#include "engine/mixture/bind_mixture.h"

#include <algorithm>
#include <cstring>

#include "engine/kernels/mxfp4.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// [matrices, rows, columns] to [matrices, columns, rows], in squares that the cache holds.
void TransposeMatrices(const Shape& shape, int64_t element_bytes, const std::byte* from,
                       std::byte* to) {
  constexpr int64_t kSquare = 64;
  const int64_t rows = shape[1];
  const int64_t columns = shape[2];
  for (int64_t matrix = 0; matrix < shape[0]; ++matrix) {
    for (int64_t row_block = 0; row_block < rows; row_block += kSquare) {
      for (int64_t column_block = 0; column_block < columns; column_block += kSquare) {
        for (int64_t row = row_block; row < std::min(row_block + kSquare, rows); ++row) {
          for (int64_t column = column_block; column < std::min(column_block + kSquare, columns);
               ++column) {
            std::memcpy(to + (column * rows + row) * element_bytes,
                        from + (row * columns + column) * element_bytes,
                        static_cast<size_t>(element_bytes));
          }
        }
      }
    }
    from += rows * columns * element_bytes;
    to += rows * columns * element_bytes;
  }
}

// Of each row the elements of even index, then those of odd index.
void PartAlternating(const Shape& shape, int64_t element_bytes, const std::byte* from,
                     std::byte* to) {
  const int64_t columns = shape.back();
  for (int64_t row = 0; row < shape[0]; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t place = column / 2 + (column % 2) * (columns / 2);
      std::memcpy(to + (row * columns + place) * element_bytes,
                  from + (row * columns + column) * element_bytes,
                  static_cast<size_t>(element_bytes));
    }
  }
}

// `rows` rows of `all`, every `step`th from row `first` on.
WeightRows Slice(const WeightRows& all, int64_t first, int64_t rows, int64_t step = 1) {
  if (all.data == nullptr) return {};
  WeightRows slice = all;
  slice.data =
      static_cast<const std::byte*>(all.data) + WeightBytes(all.type, first * all.row_stride);
  slice.rows = rows;
  slice.row_stride = step * all.row_stride;
  if (all.scales != nullptr) {
    slice.scales = static_cast<const std::byte*>(all.scales) + first * all.scale_stride;
    slice.scale_stride = step * all.scale_stride;
  }
  return slice;
}

// Columns [first, first + columns) of one row.
WeightRows Part(const WeightRows& all, int64_t row, int64_t first, int64_t columns) {
  WeightRows part = Slice(all, row, 1);
  if (part.data == nullptr) return {};
  part.data = static_cast<const std::byte*>(part.data) + WeightBytes(part.type, first);
  part.columns = columns;
  return part;
}

class MixtureBinder {
 public:
  MixtureBinder(const MixtureSpec& spec, int64_t hidden_size, TensorSource& source)
      : spec_(spec), names_(spec.names), hidden_(hidden_size), source_(source) {
    for (const FusedExpertNames& fused : names_.fused) {
      if (fused.gate_up.empty()) continue;
      mxfp4_ = source_.Find(fused.gate_up + "_blocks") != nullptr;
      if (!mxfp4_ && source_.Find(fused.gate_up) == nullptr) continue;
      fused_ = &fused;
      break;
    }
  }

  MixtureWeights Bind() {
    MixtureWeights w;
    const int64_t experts = spec_.num_experts;
    const std::string& router = fused_ != nullptr ? fused_->router : names_.router;
    w.router = source_.Weight(router + ".weight", {experts, hidden_});
    if (spec_.router_bias) w.router_bias = source_.Weight(router + ".bias", {experts});
    if (spec_.correction_bias) w.correction = Correction();
    w.experts.resize(static_cast<size_t>(experts));
    if (fused_ != nullptr) {
      BindFused(&w);
    } else {
      for (int64_t e = 0; e < experts; ++e) {
        const std::string prefix = StrCat(names_.experts, e, ".");
        w.experts[static_cast<size_t>(e)] =
            Expert(prefix + names_.gate, prefix + names_.up, prefix + names_.down,
                   spec_.intermediate_size, spec_.expert_bias);
      }
    }
    if (spec_.shared_intermediate_size > 0) w.shared = Shared();
    if (spec_.router_scale) w.router_scale = source_.Weight(names_.router_scale, {hidden_});
    if (spec_.expert_scale) w.expert_scale = source_.Weight(names_.expert_scale, {experts});
    if (spec_.beside_mlp) {
      w.mlp_output_norm = source_.Weight(names_.mlp_output_norm + ".weight", {hidden_});
      w.experts_norm = source_.Weight(names_.experts_norm + ".weight", {hidden_});
      w.experts_output_norm = source_.Weight(names_.experts_output_norm + ".weight", {hidden_});
    }
    if (spec_.shared_expert_gate) {
      w.shared_expert_gate = source_.Weight(names_.shared_expert_gate + ".weight", {1, hidden_});
    }
    return w;
  }

 private:
  // Ernie has it as a row of a matrix.
  WeightRows Correction() {
    const std::string& name = fused_ != nullptr ? names_.fused_correction : names_.correction;
    const TensorView* const tensor = source_.Find(name);
    if (tensor != nullptr && tensor->shape.size() == 2) {
      return source_.Weight(name, {1, spec_.num_experts});
    }
    return source_.Weight(name, {spec_.num_experts});
  }

  ExpertWeights Expert(const std::string& gate, const std::string& up, const std::string& down,
                       int64_t size, bool bias) {
    ExpertWeights w;
    if (spec_.gated()) w.gate = source_.Weight(gate + ".weight", {size, hidden_});
    w.up = source_.Weight(up + ".weight", {size, hidden_});
    w.down = source_.Weight(down + ".weight", {hidden_, size});
    if (bias) {
      if (spec_.gated()) w.gate_bias = source_.Weight(gate + ".bias", {size});
      w.up_bias = source_.Weight(up + ".bias", {size});
      w.down_bias = source_.Weight(down + ".bias", {hidden_});
    }
    return w;
  }

  ExpertWeights Shared() {
    const int64_t size = spec_.shared_intermediate_size;
    if (names_.shared_gate_up.empty()) {
      return Expert(names_.shared_gate, names_.shared_up, names_.shared_down, size,
                    spec_.shared_bias);
    }
    const WeightRows gate_up =
        source_.Weight(names_.shared_gate_up + ".weight", {2 * size, hidden_});
    ExpertWeights w;
    w.gate = Slice(gate_up, 0, size);
    w.up = Slice(gate_up, size, size);
    w.down = source_.Weight(names_.shared_down + ".weight", {hidden_, size});
    return w;
  }

  void BindFused(MixtureWeights* w) {
    const int64_t size = spec_.intermediate_size;
    if (!spec_.gated()) {
      const WeightRows up = Fused(fused_->gate_up, size, hidden_);
      const WeightRows back = Fused(fused_->down, hidden_, size);
      for (int64_t e = 0; e < spec_.num_experts; ++e) {
        ExpertWeights& expert = w->experts[static_cast<size_t>(e)];
        expert.up = Slice(up, e * size, size);
        expert.down = Slice(back, e * hidden_, hidden_);
      }
      return;
    }
    const WeightRows gate_up = Fused(fused_->gate_up, 2 * size, hidden_);
    const WeightRows down = Fused(fused_->down, hidden_, size);
    WeightRows gate_up_bias;
    WeightRows down_bias;
    if (spec_.expert_bias) {
      const std::string name = fused_->gate_up + "_bias";
      const Shape shape = {spec_.num_experts, 2 * size};
      gate_up_bias = spec_.interleaved ? source_.Rearranged(name, shape, 2 * size, PartAlternating,
                                                            "gate and up alternate in it")
                                       : source_.Weight(name, shape);
      down_bias = source_.Weight(fused_->down + "_bias", {spec_.num_experts, hidden_});
    }
    for (int64_t e = 0; e < spec_.num_experts; ++e) {
      ExpertWeights& expert = w->experts[static_cast<size_t>(e)];
      const int64_t first = e * 2 * size;
      expert.gate = Slice(gate_up, first, size, spec_.interleaved ? 2 : 1);
      expert.up = spec_.interleaved ? Slice(gate_up, first + 1, size, 2)
                                    : Slice(gate_up, first + size, size);
      expert.down = Slice(down, e * hidden_, hidden_);
      expert.gate_bias = Part(gate_up_bias, e, 0, size);
      expert.up_bias = Part(gate_up_bias, e, size, size);
      expert.down_bias = Part(down_bias, e, 0, hidden_);
    }
  }

  // [experts * out, in].
  WeightRows Fused(const std::string& name, int64_t out, int64_t in) {
    const int64_t experts = spec_.num_experts;
    if (mxfp4_) return Mxfp4(name, experts * out, in, {experts, out});
    if (!spec_.transposed) return source_.Weight(name, {experts, out, in});
    return source_.Rearranged(name, {experts, in, out}, in, TransposeMatrices, "stored transposed");
  }

  WeightRows Mxfp4(const std::string& name, int64_t rows, int64_t columns, Shape shape) {
    if (columns % kMxfp4BlockElements != 0) {
      source_.Fail(absl::InvalidArgumentError(
          StrCat("tensor ", Quoted(name + "_blocks"), ": expected rows of whole blocks of ",
                 kMxfp4BlockElements, " elements, found rows of ", columns)));
      return {};
    }
    const int64_t blocks = columns / kMxfp4BlockElements;
    shape.push_back(blocks);
    const std::byte* const scales = source_.Bytes(name + "_scales", shape);
    shape.push_back(kMxfp4BlockBytes);
    const std::byte* const data = source_.Bytes(name + "_blocks", shape);
    if (data == nullptr || scales == nullptr) return {};
    return {.data = data,
            .type = WeightType::kMxfp4,
            .rows = rows,
            .columns = columns,
            .row_stride = columns,
            .scales = scales,
            .scale_stride = blocks};
  }

  const MixtureSpec& spec_;
  const MixtureNames& names_;
  const int64_t hidden_;
  TensorSource& source_;
  const FusedExpertNames* fused_ = nullptr;  // as the file has them; none: a tensor an expert
  bool mxfp4_ = false;
};

}  // namespace

MixtureWeights BindMixture(const MixtureSpec& spec, int64_t hidden_size, TensorSource& source) {
  return MixtureBinder(spec, hidden_size, source).Bind();
}

}  // namespace firstlight
