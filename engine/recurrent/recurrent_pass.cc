#include "engine/recurrent/recurrent_pass.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "engine/kernels/activation.h"
#include "engine/kernels/product.h"
#include "engine/recurrent/convolution.h"
#include "engine/recurrent/scan.h"

namespace firstlight {
namespace {

constexpr int64_t kAlignmentFloats = 16;

int64_t Aligned(int64_t floats) {
  return (floats + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
}

// Floats of a row in each buffer; 0: the kind has none.
struct Widths {
  int64_t projected = 0;
  int64_t z = 0;
  int64_t convolved = 0;
  int64_t channels = 0;
  int64_t heads = 0;
};

Widths WidthsOf(const RecurrentSpec& spec) {
  switch (spec.kind) {
    case RecurrenceKind::kShortConvolution:
      return {.projected = 3 * spec.inner_size(), .convolved = spec.channels()};
    case RecurrenceKind::kMamba2:
      return {.projected = spec.inner_size() + spec.channels() + spec.heads,
              .convolved = spec.channels(),
              .heads = spec.heads};
    case RecurrenceKind::kDeltaNet:
      break;
  }
  // What a grouped projection gives is put in order elsewhere, and its place is then free.
  return {.projected = spec.channels(),
          .z = spec.inner_size(),
          .convolved = spec.channels() + (spec.grouped ? spec.inner_size() : 0),
          .heads = spec.heads};
}

// x / sqrt(sum of squares + 1e-6), times `scale` (transformers' l2norm). The sum has 16 lanes and
// the tree of product.h.
void NormLength(int64_t count, float scale, float* x) {
  constexpr int64_t kLanes = 16;
  alignas(64) float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = std::fma(x[i + lane], x[i + lane], lanes[lane]);
    }
  }
  for (int64_t lane = 0; i + lane < count; ++lane) {
    lanes[lane] = std::fma(x[i + lane], x[i + lane], lanes[lane]);
  }
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  const float factor = 1.0F / std::sqrt(lanes[0] + 1e-6F);
  for (i = 0; i < count; ++i) x[i] = x[i] * factor * scale;
}

void Scale(double multiplier, int64_t count, float* row) {
  if (multiplier == 1.0) return;
  const auto factor = static_cast<float>(multiplier);
  for (int64_t i = 0; i < count; ++i) row[i] *= factor;
}

WeightRows Columns(const WeightRows& all, int64_t first, int64_t columns) {
  WeightRows part = all;
  part.data = static_cast<const std::byte*>(all.data) + WeightBytes(all.type, first);
  part.columns = columns;
  return part;
}

}  // namespace

std::optional<int64_t> RecurrentPass::BufferFloats(const RecurrentSpec& spec, int64_t tokens) {
  const Widths widths = WidthsOf(spec);
  int64_t row = 0;
  for (const int64_t width : {std::max(widths.projected, spec.inner_size()), widths.z,
                              widths.convolved, 2 * widths.heads, widths.heads, widths.heads}) {
    if (__builtin_add_overflow(row, Aligned(width), &row)) return std::nullopt;
  }
  int64_t floats = 0;
  if (__builtin_mul_overflow(row, tokens, &floats)) return std::nullopt;
  return floats;
}

RecurrentPass::RecurrentPass(const RecurrentSpec* spec, int64_t hidden_size, float norm_eps,
                             const Kernels* kernels, WorkerPool* workers)
    : spec_(*spec),
      hidden_size_(hidden_size),
      norm_eps_(norm_eps),
      kernels_(*kernels),
      workers_(*workers) {}

RecurrentPass::Buffers RecurrentPass::LayOut(const Layer& layer) const {
  const Widths widths = WidthsOf(spec_);
  float* next = layer.buffer;
  const auto take = [&](int64_t width) {
    float* const taken = next;
    next += layer.tokens * Aligned(width);
    return taken;
  };
  Buffers buffers{};
  buffers.projected = take(std::max(widths.projected, spec_.inner_size()));
  buffers.z = take(widths.z);
  buffers.convolved = take(widths.convolved);
  buffers.steps = take(2 * widths.heads);
  buffers.decay = take(widths.heads);
  buffers.step = take(widths.heads);
  buffers.projected_stride = widths.projected;
  buffers.convolved_stride = widths.convolved;
  switch (spec_.kind) {
    case RecurrenceKind::kShortConvolution:
      buffers.channels = buffers.projected + 2 * spec_.inner_size();
      break;
    case RecurrenceKind::kMamba2:
      buffers.z = buffers.projected;
      buffers.channels = buffers.projected + spec_.inner_size();
      break;
    case RecurrenceKind::kDeltaNet:
      buffers.channels = buffers.projected;
      buffers.inner = 2 * spec_.group_size();
      break;
  }
  buffers.channels_stride = widths.projected;
  buffers.z_stride = spec_.kind == RecurrenceKind::kMamba2 ? widths.projected : spec_.inner_size();
  return buffers;
}

template <typename Function>
void RecurrentPass::ForRows(int64_t rows, Function function) {
  const int64_t chunk = std::max<int64_t>(4, rows / (int64_t{4} * workers_.threads()));
  workers_.ParallelFor(rows, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t row = begin; row < end; ++row) function(row);
  });
}

void RecurrentPass::Run(const Layer& layer) {
  const RecurrentWeights& w = *layer.weights;
  const Buffers buffers = LayOut(layer);
  ReadParameters(w);
  FindPromptRows(layer);
  Project(layer, buffers);
  ForRows(layer.tokens, [&](int64_t row) { PrepareRow(buffers, row); });
  Convolve(layer, buffers);
  if (spec_.kind == RecurrenceKind::kDeltaNet) {
    ForRows(layer.tokens, [&](int64_t row) { NormKeys(buffers, row); });
  }
  if (spec_.kind != RecurrenceKind::kShortConvolution) Scan(layer, buffers);
  ForRows(layer.tokens, [&](int64_t row) { GateRow(layer, buffers, row); });
  // Where the projections were.
  ForRows(layer.tokens, [&](int64_t row) {
    PackActivations(buffers.convolved + buffers.inner, buffers.convolved_stride, layer.tokens,
                    spec_.inner_size(), row, row + 1, buffers.projected);
  });
  const ProductArgs output = {.packed = buffers.projected,
                              .tokens = layer.tokens,
                              .weight = w.output,
                              .bias = w.output_bias,
                              .output = layer.output,
                              .output_stride = hidden_size_};
  const int64_t chunk =
      ProductRowChunk(hidden_size_, spec_.inner_size(), layer.tokens, workers_.threads());
  workers_.ParallelFor(hidden_size_, chunk, [&](int64_t begin, int64_t end, int worker) {
    kernels_.product(output, begin, end, layer.scratch + worker * kProductScratchFloats);
  });
}

void RecurrentPass::ReadParameters(const RecurrentWeights& weights) {
  const auto read = [this](const WeightRows& rows, std::vector<float>* values) {
    values->clear();
    if (rows.data == nullptr) return;
    values->resize(static_cast<size_t>(rows.columns));
    kernels_.widen_row(rows.data, rows.type, rows.columns, 1.0F, values->data());
  };
  read(weights.a_log, &a_);
  kernels_.exp(a_.data(), static_cast<int64_t>(a_.size()), a_.data());
  read(weights.dt_bias, &dt_bias_);
  read(weights.d, &d_);
}

void RecurrentPass::FindPromptRows(const Layer& layer) {
  in_prompt_.clear();
  if (!spec_.limits_prompt_steps()) return;
  in_prompt_.resize(static_cast<size_t>(layer.tokens), false);
  for (const Sequence& sequence : layer.sequences) {
    std::fill_n(in_prompt_.begin() + sequence.first_row, sequence.prompt_rows, true);
  }
}

// One loop over the rows of all projections.
void RecurrentPass::Project(const Layer& layer, const Buffers& buffers) {
  const RecurrentWeights& w = *layer.weights;
  const bool grouped = spec_.kind == RecurrenceKind::kDeltaNet && spec_.grouped;
  const auto product = [&](const WeightRows& weight, float* output, int64_t stride) {
    return ProductArgs{.packed = layer.packed,
                       .tokens = layer.tokens,
                       .weight = weight,
                       .output = output,
                       .output_stride = stride};
  };
  ProductArgs products[] = {
      product(w.input, grouped ? buffers.convolved : buffers.projected,
              grouped ? buffers.convolved_stride : buffers.projected_stride),
      product(w.input_z, buffers.z, buffers.z_stride),
      product(w.input_b, buffers.steps, 2 * spec_.heads),
      product(w.input_a, buffers.steps + spec_.heads, 2 * spec_.heads),
  };
  products[0].bias = w.input_bias;
  int64_t rows = 0;
  for (const ProductArgs& args : products) rows += args.weight.rows;
  const int64_t chunk = ProductRowChunk(rows, hidden_size_, layer.tokens, workers_.threads());
  workers_.ParallelFor(rows, chunk, [&](int64_t begin, int64_t end, int worker) {
    int64_t first = 0;  // of this product's rows, among all
    for (const ProductArgs& args : products) {
      const int64_t from = std::max(begin - first, int64_t{0});
      const int64_t to = std::min(end - first, args.weight.rows);
      if (from < to) {
        kernels_.product(args, from, to, layer.scratch + worker * kProductScratchFloats);
      }
      first += args.weight.rows;
    }
  });
}

void RecurrentPass::PrepareRow(const Buffers& buffers, int64_t row) const {
  if (spec_.kind == RecurrenceKind::kShortConvolution) {
    // x = b * x.
    const float* const b = buffers.projected + row * buffers.projected_stride;
    float* const x = buffers.channels + row * buffers.channels_stride;
    for (int64_t i = 0; i < spec_.inner_size(); ++i) x[i] *= b[i];
    return;
  }
  if (spec_.kind == RecurrenceKind::kMamba2) Multiply(buffers, row);
  if (spec_.grouped) Ungroup(buffers, row);
  ComputeSteps(buffers, row);
}

void RecurrentPass::Multiply(const Buffers& buffers, int64_t row) const {
  const ProjectionMultipliers& multipliers = spec_.multipliers;
  float* at = buffers.projected + row * buffers.projected_stride;
  Scale(multipliers.z, spec_.inner_size(), at);
  at += spec_.inner_size();
  Scale(multipliers.x, spec_.inner_size(), at);
  at += spec_.inner_size();
  Scale(multipliers.b, spec_.group_size(), at);
  at += spec_.group_size();
  Scale(multipliers.c, spec_.group_size(), at);
  at += spec_.group_size();
  Scale(multipliers.dt, spec_.heads, at);
}

// From groups, each with its q, k, v and z, to all q, all k, all v, and all z; likewise b and a.
void RecurrentPass::Ungroup(const Buffers& buffers, int64_t row) const {
  const int64_t values = spec_.inner_size() / spec_.groups;
  const int64_t heads = spec_.heads / spec_.groups;
  const float* from = buffers.convolved + row * buffers.convolved_stride;
  float* q = buffers.channels + row * buffers.channels_stride;
  float* k = q + spec_.group_size();
  float* v = k + spec_.group_size();
  float* z = buffers.z + row * buffers.z_stride;
  const auto take = [&from](int64_t count, float** to) {
    std::memcpy(*to, from, static_cast<size_t>(count) * sizeof(float));
    from += count;
    *to += count;
  };
  for (int64_t group = 0; group < spec_.groups; ++group) {
    take(spec_.state_size, &q);
    take(spec_.state_size, &k);
    take(values, &v);
    take(values, &z);
  }
  // Through the places that are computed next.
  float* const steps = buffers.steps + row * 2 * spec_.heads;
  from = steps;
  float* b = buffers.decay + row * spec_.heads;
  float* a = buffers.step + row * spec_.heads;
  for (int64_t group = 0; group < spec_.groups; ++group) {
    take(heads, &b);
    take(heads, &a);
  }
  std::copy_n(b - spec_.heads, spec_.heads, steps);
  std::copy_n(a - spec_.heads, spec_.heads, steps + spec_.heads);
}

void RecurrentPass::ComputeSteps(const Buffers& buffers, int64_t row) const {
  const bool is_delta = spec_.kind == RecurrenceKind::kDeltaNet;
  float* const steps = buffers.steps + row * 2 * spec_.heads;
  const float* const dt = is_delta ? steps + spec_.heads
                                   : buffers.projected + row * buffers.projected_stride +
                                         spec_.inner_size() + spec_.channels();
  float* const decay = buffers.decay + row * spec_.heads;
  float* const step = buffers.step + row * spec_.heads;
  const bool limited = !in_prompt_.empty() && in_prompt_[static_cast<size_t>(row)];
  const auto smallest = static_cast<float>(spec_.smallest_prompt_step);
  const auto largest = static_cast<float>(spec_.largest_prompt_step);
  for (int64_t head = 0; head < spec_.heads; ++head) {
    const auto h = static_cast<size_t>(head);
    step[head] = Softplus(dt[head] + dt_bias_[h]);
    if (limited) step[head] = std::clamp(step[head], smallest, largest);
    decay[head] = -a_[h] * step[head];
  }
  kernels_.exp(decay, spec_.heads, decay);
  if (!is_delta) return;
  std::fill_n(step, spec_.heads, 1.0F);
  MultiplyBySigmoid(kernels_, steps, spec_.heads, step);
}

void RecurrentPass::Convolve(const Layer& layer, const Buffers& buffers) {
  constexpr int64_t kChannels = 128;
  const int64_t chunks = (spec_.channels() + kChannels - 1) / kChannels;
  const auto tasks = static_cast<int64_t>(layer.sequences.size()) * chunks;
  const int64_t at_once = std::max<int64_t>(1, tasks / (int64_t{8} * workers_.threads()));
  const bool activates = spec_.kind != RecurrenceKind::kShortConvolution;
  workers_.ParallelFor(tasks, at_once, [&](int64_t first, int64_t last, int /*worker*/) {
    for (int64_t task = first; task < last; ++task) {
      const Sequence& sequence = layer.sequences[static_cast<size_t>(task / chunks)];
      const int64_t begin = task % chunks * kChannels;
      const int64_t end = std::min(begin + kChannels, spec_.channels());
      float* const output = buffers.convolved + sequence.first_row * buffers.convolved_stride;
      const ConvolutionArgs args = {
          .weight = layer.weights->convolution,
          .bias = layer.weights->convolution_bias,
          .input = buffers.channels + sequence.first_row * buffers.channels_stride,
          .input_stride = buffers.channels_stride,
          .output = output,
          .output_stride = buffers.convolved_stride,
          .rows = sequence.rows,
          .state = sequence.state,
          .begins = sequence.begins};
      firstlight::Convolve(args, kernels_, begin, end);
      if (!activates) continue;
      for (int64_t row = 0; row < sequence.rows; ++row) {
        Activate(Activation::kSilu, {}, kernels_, nullptr, end - begin,
                 output + row * buffers.convolved_stride + begin);
      }
    }
  });
}

void RecurrentPass::NormKeys(const Buffers& buffers, int64_t row) const {
  const float scale = 1.0F / std::sqrt(static_cast<float>(spec_.state_size));
  float* const query = buffers.convolved + row * buffers.convolved_stride;
  float* const key = query + spec_.group_size();
  for (int64_t group = 0; group < spec_.groups; ++group) {
    NormLength(spec_.state_size, scale, query + group * spec_.state_size);
    NormLength(spec_.state_size, 1.0F, key + group * spec_.state_size);
  }
}

// A task is a tile of a head of a sequence.
void RecurrentPass::Scan(const Layer& layer, const Buffers& buffers) {
  const bool is_delta = spec_.kind == RecurrenceKind::kDeltaNet;
  const int64_t tiles = ScanTiles(spec_);
  const int64_t tile_floats = spec_.state_size * kScanLanes;
  const int64_t of_sequence = spec_.heads * tiles;
  const auto tasks = static_cast<int64_t>(layer.sequences.size()) * of_sequence;
  const int64_t at_once = std::max<int64_t>(1, tasks / (int64_t{8} * workers_.threads()));
  workers_.ParallelFor(tasks, at_once, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t task = begin; task < end; ++task) {
      const Sequence& sequence = layer.sequences[static_cast<size_t>(task / of_sequence)];
      const int64_t head = task % of_sequence / tiles;
      const int64_t first = task % tiles * kScanLanes;
      const int64_t group = head / (spec_.heads / spec_.groups);
      float* const state =
          sequence.state + ConvolutionStateFloats(spec_) + task % of_sequence * tile_floats;
      if (sequence.begins) std::fill_n(state, tile_floats, 0.0F);
      float* const rows = buffers.convolved + sequence.first_row * buffers.convolved_stride;
      // Mamba2's channels are x, B, C; a delta net's q, k, v.
      float* const shared = rows + (is_delta ? 0 : spec_.inner_size()) + group * spec_.state_size;
      const ScanArgs args = {.rows = sequence.rows,
                             .state_size = spec_.state_size,
                             .key = is_delta ? shared + spec_.group_size() : shared,
                             .query = is_delta ? shared : shared + spec_.group_size(),
                             .key_stride = buffers.convolved_stride,
                             .value = rows + buffers.inner + head * spec_.head_dim,
                             .value_stride = buffers.convolved_stride,
                             .decay = buffers.decay + sequence.first_row * spec_.heads + head,
                             .step = buffers.step + sequence.first_row * spec_.heads + head,
                             .step_stride = spec_.heads,
                             .skip = is_delta ? 0.0F : d_[static_cast<size_t>(head)]};
      const int64_t lanes = std::min(kScanLanes, spec_.head_dim - first);
      if (is_delta) {
        ScanDeltaNet(args, first, lanes, state);
      } else {
        ScanMamba2(args, first, lanes, state);
      }
    }
  });
}

void RecurrentPass::GateRow(const Layer& layer, const Buffers& buffers, int64_t row) const {
  float* const y = buffers.convolved + row * buffers.convolved_stride + buffers.inner;
  const int64_t size = spec_.inner_size();
  if (spec_.kind == RecurrenceKind::kShortConvolution) {
    const float* const c = buffers.projected + row * buffers.projected_stride + size;
    for (int64_t i = 0; i < size; ++i) y[i] *= c[i];
    return;
  }
  const float* const z = buffers.z + row * buffers.z_stride;
  const bool gate_first = !spec_.norm || !spec_.norm_before_gate;
  if (gate_first) kernels_.silu_and_multiply(z, y, size, y);
  if (!spec_.norm) return;
  const bool each_head = spec_.kind == RecurrenceKind::kDeltaNet;
  const int64_t width = each_head ? spec_.head_dim : size / spec_.groups;
  for (int64_t first = 0; first < size; first += width) {
    const WeightRows weight = Columns(layer.weights->norm, each_head ? 0 : first, width);
    kernels_.rms_norm(y + first, width, weight, 0.0F, norm_eps_, y + first);
  }
  if (!gate_first) kernels_.silu_and_multiply(z, y, size, y);
}

}  // namespace firstlight
