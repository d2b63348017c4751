#include "engine/mixture/mixture_pass.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/kernels/product.h"
#include "engine/mixture/gated_activation.h"
#include "engine/mixture/router.h"

namespace firstlight {
namespace {

constexpr int64_t kAlignmentFloats = 16;

int64_t Aligned(int64_t floats) {
  return (floats + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
}

// Adds count * width floats, width rounded up to a whole line, or ends in nullopt.
void Add(int64_t count, int64_t width, std::optional<int64_t>* total) {
  if (!total->has_value()) return;
  int64_t floats = 0;
  if (__builtin_add_overflow(width, kAlignmentFloats - 1, &floats) ||
      __builtin_mul_overflow(floats / kAlignmentFloats * kAlignmentFloats, count, &floats) ||
      __builtin_add_overflow(**total, floats, &**total)) {
    total->reset();
  }
}

}  // namespace

std::optional<int64_t> MixturePass::BufferFloats(const MixtureSpec& spec, int64_t hidden_size,
                                                 int64_t tokens) {
  int64_t rows = 0;
  if (__builtin_mul_overflow(tokens, spec.experts_per_token, &rows)) return std::nullopt;
  std::optional<int64_t> total = 0;
  Add(tokens, spec.num_experts, &total);
  Add(1, tokens, &total);  // the shared expert's gate
  Add(rows, hidden_size, &total);
  Add(rows, spec.intermediate_size, &total);
  Add(rows, spec.intermediate_size, &total);
  if (spec.shared_intermediate_size > 0) {
    Add(tokens, hidden_size, &total);
    Add(tokens, spec.shared_intermediate_size, &total);
    Add(tokens, spec.shared_intermediate_size, &total);
  }
  return total;
}

MixturePass::MixturePass(const MixtureSpec* spec, int64_t hidden_size, const Kernels* kernels,
                         WorkerPool* workers)
    : spec_(*spec), hidden_size_(hidden_size), kernels_(*kernels), workers_(*workers) {}

void MixturePass::Route(const Layer& layer) {
  layer_ = layer;
  const MixtureWeights& w = *layer.weights;
  float* const logits = layer.buffer;
  shared_gate_ = logits + layer.tokens * Aligned(spec_.num_experts);
  free_ = shared_gate_ + Aligned(layer.tokens);

  const ProductArgs router = {.packed = layer.packed,
                              .tokens = layer.tokens,
                              .weight = w.router,
                              .bias = w.router_bias,
                              .output = logits,
                              .output_stride = spec_.num_experts};
  const int64_t chunk =
      ProductRowChunk(spec_.num_experts, hidden_size_, layer.tokens, workers_.threads());
  workers_.ParallelFor(spec_.num_experts, chunk, [&](int64_t begin, int64_t end, int worker) {
    kernels_.product(router, begin, end, layer.scratch + worker * kProductScratchFloats);
  });
  if (spec_.shared_expert_gate) {
    const ProductArgs gate = {.packed = layer.packed,
                              .tokens = layer.tokens,
                              .weight = w.shared_expert_gate,
                              .output = shared_gate_,
                              .output_stride = 1};
    kernels_.product(gate, 0, 1, layer.scratch);
  }

  const auto widen = [this](const WeightRows& row, std::vector<float>* values) {
    values->clear();
    if (row.data == nullptr) return;
    values->resize(static_cast<size_t>(spec_.num_experts));
    kernels_.widen_row(row.data, row.type, spec_.num_experts, 1.0F, values->data());
  };
  widen(w.correction, &correction_);
  widen(w.expert_scale, &scale_);
  const auto num_experts = static_cast<size_t>(spec_.num_experts);
  const auto per_token = static_cast<size_t>(spec_.experts_per_token);
  experts_.resize(static_cast<size_t>(layer.tokens) * per_token);
  weights_.resize(experts_.size());
  // A token costs about as much as this many: a chunk has to be worth handing over.
  constexpr int64_t kTokensAtOnce = 16;
  workers_.ParallelFor(
      layer.tokens, kTokensAtOnce, [&](int64_t begin, int64_t end, int /*worker*/) {
        Router router_of_worker(&spec_, &kernels_, correction_, scale_);
        for (auto t = static_cast<size_t>(begin); t < static_cast<size_t>(end); ++t) {
          router_of_worker.Route(absl::MakeConstSpan(logits + t * num_experts, num_experts),
                                 absl::MakeSpan(experts_).subspan(t * per_token, per_token),
                                 absl::MakeSpan(weights_).subspan(t * per_token, per_token));
        }
      });
  GroupByExpert();
}

// Rows are in the order of their experts, those of an expert in the order of their tokens.
void MixturePass::GroupByExpert() {
  counts_.assign(static_cast<size_t>(spec_.num_experts) + 1, 0);
  for (const int32_t expert : experts_) ++counts_[static_cast<size_t>(expert) + 1];
  chosen_.clear();
  for (size_t expert = 0; expert + 1 < counts_.size(); ++expert) {
    if (counts_[expert + 1] > 0) chosen_.push_back(static_cast<int32_t>(expert));
    counts_[expert + 1] += counts_[expert];
  }
  row_of_.resize(experts_.size());
  token_of_.resize(experts_.size());
  for (size_t i = 0; i < experts_.size(); ++i) {
    const int64_t row = counts_[static_cast<size_t>(experts_[i])]++;
    row_of_[i] = row;
    token_of_[static_cast<size_t>(row)] = static_cast<int64_t>(i) / spec_.experts_per_token;
  }
}

// Places of the groups in the buffer. An expert's packed input makes room for its output, and `up`
// for the packed `gate`: each is done with when the other is written.
void MixturePass::LayOutGroups() {
  groups_.clear();
  float* next = free_;
  const auto take = [&next](int64_t tokens, int64_t width) {
    float* const taken = next;
    next += tokens * Aligned(width);
    return taken;
  };
  int64_t row = 0;
  for (const int32_t expert : chosen_) {
    const int64_t end = counts_[static_cast<size_t>(expert)];
    float* const input = take(end - row, hidden_size_);
    groups_.push_back({.expert = &layer_.weights->experts[static_cast<size_t>(expert)],
                       .shared = false,
                       .first_row = row,
                       .tokens = end - row,
                       .size = spec_.intermediate_size,
                       .packed = input,
                       .gate = take(end - row, spec_.intermediate_size),
                       .up = take(end - row, spec_.intermediate_size),
                       .output = input});
    row = end;
  }
  if (spec_.shared_intermediate_size > 0) {
    groups_.push_back({.expert = &layer_.weights->shared,
                       .shared = true,
                       .first_row = row,
                       .tokens = layer_.tokens,
                       .size = spec_.shared_intermediate_size,
                       .packed = layer_.packed,
                       .gate = take(layer_.tokens, spec_.shared_intermediate_size),
                       .up = take(layer_.tokens, spec_.shared_intermediate_size),
                       .output = take(layer_.tokens, hidden_size_)});
  }
}

void MixturePass::Run() {
  LayOutGroups();
  PackInputs();
  MultiplyGateAndUp();
  PackGated();
  MultiplyDown();
  AddUp();
}

template <typename RowsOf, typename Function>
void MixturePass::ForGroupRows(int64_t columns_scale, RowsOf rows_of, Function function) {
  struct Task {
    const Group* group;
    int64_t begin;
    int64_t end;
  };
  int64_t all_rows = 0;
  for (const Group& group : groups_) all_rows += rows_of(group);
  std::vector<Task> tasks;
  for (const Group& group : groups_) {
    const int64_t rows = rows_of(group);
    const int64_t chunk =
        ProductRowChunk(all_rows, columns_scale, group.tokens, workers_.threads());
    for (int64_t begin = 0; begin < rows; begin += chunk) {
      tasks.push_back({&group, begin, std::min(begin + chunk, rows)});
    }
  }
  workers_.ParallelFor(static_cast<int64_t>(tasks.size()), 1,
                       [&](int64_t begin, int64_t end, int worker) {
                         for (int64_t i = begin; i < end; ++i) {
                           const Task& task = tasks[static_cast<size_t>(i)];
                           function(*task.group, task.begin, task.end,
                                    layer_.scratch + worker * kProductScratchFloats);
                         }
                       });
}

template <typename Function>
void MixturePass::ForGroupTokens(Function function) {
  const int64_t rows = groups_.back().first_row + groups_.back().tokens;
  const int64_t chunk = std::max<int64_t>(8, rows / (int64_t{4} * workers_.threads()));
  workers_.ParallelFor(rows, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (const Group& group : groups_) {
      const int64_t from = std::max(begin - group.first_row, int64_t{0});
      const int64_t to = std::min(end - group.first_row, group.tokens);
      if (from < to) function(group, from, to);
    }
  });
}

void MixturePass::PackInputs() {
  ForGroupTokens([&](const Group& group, int64_t begin, int64_t end) {
    if (group.shared) return;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t token = token_of_[static_cast<size_t>(group.first_row + i)];
      PackActivations(layer_.input + token * hidden_size_, /*input_stride=*/0, group.tokens,
                      hidden_size_, i, i + 1, group.output);
    }
  });
}

void MixturePass::MultiplyGateAndUp() {
  ForGroupRows(
      2 * hidden_size_, [](const Group& group) { return group.size; },
      [&](const Group& group, int64_t begin, int64_t end, float* scratch) {
        ProductArgs args = {.packed = group.packed,
                            .tokens = group.tokens,
                            .weight = group.expert->gate,
                            .bias = group.expert->gate_bias,
                            .output = group.gate,
                            .output_stride = group.size};
        if (spec_.gated()) {
          kernels_.product(args, begin, end, scratch);
          args.output = group.up;
        }
        args.weight = group.expert->up;
        args.bias = group.expert->up_bias;
        kernels_.product(args, begin, end, scratch);
        for (int64_t t = 0; t < group.tokens; ++t) {
          const int64_t at = t * group.size + begin;
          if (group.shared && spec_.gated()) {
            kernels_.silu_and_multiply(group.gate + at, group.up + at, end - begin,
                                       group.gate + at);
          } else {
            ActivateExpert(spec_, kernels_, end - begin, group.up + at, group.gate + at);
          }
        }
      });
}

void MixturePass::PackGated() {
  ForGroupTokens([&](const Group& group, int64_t begin, int64_t end) {
    PackActivations(group.gate, group.size, group.tokens, group.size, begin, end, group.up);
  });
}

void MixturePass::MultiplyDown() {
  ForGroupRows(
      spec_.intermediate_size, [&](const Group& /*group*/) { return hidden_size_; },
      [&](const Group& group, int64_t begin, int64_t end, float* scratch) {
        const ProductArgs args = {.packed = group.up,
                                  .tokens = group.tokens,
                                  .weight = group.expert->down,
                                  .bias = group.expert->down_bias,
                                  .output = group.output,
                                  .output_stride = hidden_size_};
        kernels_.product(args, begin, end, scratch);
      });
}

// Each token's experts in increasing order, then the shared one.
void MixturePass::AddUp() {
  // Where the rows lie: the groups' outputs have places of their own.
  std::vector<const float*> outputs(token_of_.size());
  for (const Group& group : groups_) {
    if (group.shared) continue;
    for (int64_t i = 0; i < group.tokens; ++i) {
      outputs[static_cast<size_t>(group.first_row + i)] = group.output + i * hidden_size_;
    }
  }
  const Group* const shared = groups_.back().shared ? &groups_.back() : nullptr;
  const auto add = [this](float weight, const float* from, float* to) {
    for (int64_t i = 0; i < hidden_size_; ++i) to[i] += weight * from[i];
  };
  const int64_t chunk = std::max<int64_t>(4, layer_.tokens / (int64_t{4} * workers_.threads()));
  workers_.ParallelFor(layer_.tokens, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t t = begin; t < end; ++t) {
      float* const output = layer_.output + t * hidden_size_;
      std::fill(output, output + hidden_size_, 0.0F);
      const auto first = static_cast<size_t>(t * spec_.experts_per_token);
      for (size_t i = first; i < first + static_cast<size_t>(spec_.experts_per_token); ++i) {
        add(weights_[i], outputs[static_cast<size_t>(row_of_[i])], output);
      }
      if (shared == nullptr) continue;
      float gate = 1.0F;
      if (spec_.shared_expert_gate) {
        const float negative = -shared_gate_[t];
        kernels_.exp(&negative, 1, &gate);
        gate = 1.0F / (1.0F + gate);
      }
      add(gate, shared->output + t * hidden_size_, output);
    }
  });
}

}  // namespace firstlight
