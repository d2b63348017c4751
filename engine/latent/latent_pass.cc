#include "engine/latent/latent_pass.h"

#include <algorithm>
#include <cstring>

#include "engine/kernels/product.h"

namespace firstlight {
namespace {

constexpr int64_t kAlignmentFloats = 16;

// Of the norms of low ranks, whatever a configuration says of the others.
constexpr float kNormEps = 1e-6F;

// tokens * width, width rounded up to a whole line; none where that is beyond int64_t.
std::optional<int64_t> Floats(int64_t tokens, int64_t width) {
  int64_t floats = 0;
  if (__builtin_add_overflow(width, kAlignmentFloats - 1, &floats) ||
      __builtin_mul_overflow(floats / kAlignmentFloats * kAlignmentFloats, tokens, &floats)) {
    return std::nullopt;
  }
  return floats;
}

int64_t ExpandedSize(const LatentSpec& spec, const LatentPass::Heads& heads) {
  return heads.count * (heads.head_dim - heads.rope_dim + spec.value_dim);
}

}  // namespace

std::optional<int64_t> LatentPass::BufferFloats(const LatentSpec& spec, const Heads& heads,
                                                int64_t tokens) {
  int64_t total = 0;
  for (const int64_t width : {spec.query_rank, spec.rank + heads.rope_dim, spec.query_rank,
                              spec.rank, ExpandedSize(spec, heads)}) {
    const std::optional<int64_t> floats = Floats(tokens, width);
    if (!floats.has_value() || __builtin_add_overflow(total, *floats, &total)) return std::nullopt;
  }
  return total;
}

LatentPass::LatentPass(const LatentSpec* spec, const Heads& heads, const Kernels* kernels,
                       WorkerPool* workers)
    : spec_(*spec), heads_(heads), kernels_(*kernels), workers_(*workers) {}

LatentPass::Buffers LatentPass::LayOut(const Layer& layer) const {
  float* next = layer.buffer;
  const auto take = [&](int64_t width) {
    float* const taken = next;
    next += *Floats(layer.tokens, width);  // BufferFloats was in range
    return taken;
  };
  Buffers buffers;
  buffers.query_low = take(spec_.query_rank);
  buffers.kv_low = take(spec_.rank + heads_.rope_dim);
  buffers.query_packed = take(spec_.query_rank);
  buffers.kv_packed = take(spec_.rank);
  buffers.expanded = take(ExpandedSize(spec_, heads_));
  return buffers;
}

void LatentPass::Project(const Layer& layer) {
  const LatentWeights& w = *layer.weights;
  const Buffers buffers = LayOut(layer);
  const bool low_query = spec_.query_rank > 0;
  const ProductArgs down = {.packed = layer.packed,
                            .tokens = layer.tokens,
                            .weight = w.kv_a,
                            .bias = w.kv_a_bias,
                            .output = buffers.kv_low,
                            .output_stride = spec_.rank + heads_.rope_dim};
  ProductArgs query = {.packed = layer.packed,
                       .tokens = layer.tokens,
                       .weight = low_query ? w.query_a : w.query,
                       .bias = w.query_a_bias,
                       .output = low_query ? buffers.query_low : layer.projected,
                       .output_stride = low_query ? spec_.query_rank : layer.projected_stride};
  Multiply(query, down, layer.scratch);
  NormAndPack(layer, buffers);
  const ProductArgs up = {.packed = buffers.kv_packed,
                          .tokens = layer.tokens,
                          .weight = w.kv_b,
                          .output = buffers.expanded,
                          .output_stride = ExpandedSize(spec_, heads_)};
  query.packed = buffers.query_packed;
  query.weight = w.query_b;
  query.bias = {};
  query.output = layer.projected;
  query.output_stride = layer.projected_stride;
  if (low_query) {
    Multiply(up, query, layer.scratch);
  } else {
    Multiply(up, {}, layer.scratch);
  }
  TurnAndPlace(layer, buffers);
}

void LatentPass::Multiply(const ProductArgs& first, const ProductArgs& second, float* scratch) {
  const int64_t rows = first.weight.rows + second.weight.rows;
  const int64_t columns = std::max(first.weight.columns, second.weight.columns);
  const int64_t chunk = ProductRowChunk(rows, columns, first.tokens, workers_.threads());
  workers_.ParallelFor(rows, chunk, [&](int64_t begin, int64_t end, int worker) {
    float* const own = scratch + worker * kProductScratchFloats;
    const int64_t split = std::clamp(first.weight.rows, begin, end);
    if (begin < split) kernels_.product(first, begin, split, own);
    if (split < end) {
      kernels_.product(second, split - first.weight.rows, end - first.weight.rows, own);
    }
  });
}

void LatentPass::NormAndPack(const Layer& layer, const Buffers& buffers) {
  const int64_t kv_stride = spec_.rank + heads_.rope_dim;
  const int64_t chunk = std::max<int64_t>(8, layer.tokens / (int64_t{4} * workers_.threads()));
  workers_.ParallelFor(layer.tokens, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t t = begin; t < end; ++t) {
      float* const latent = buffers.kv_low + t * kv_stride;
      kernels_.rms_norm(latent, spec_.rank, layer.weights->kv_a_norm, 0.0F, kNormEps, latent);
      if (spec_.query_rank == 0) continue;
      float* const query = buffers.query_low + t * spec_.query_rank;
      kernels_.rms_norm(query, spec_.query_rank, layer.weights->query_a_norm, 0.0F, kNormEps,
                        query);
    }
    PackActivations(buffers.kv_low, kv_stride, layer.tokens, spec_.rank, begin, end,
                    buffers.kv_packed);
    if (spec_.query_rank > 0) {
      PackActivations(buffers.query_low, spec_.query_rank, layer.tokens, spec_.query_rank, begin,
                      end, buffers.query_packed);
    }
  });
}

void LatentPass::TurnAndPlace(const Layer& layer, const Buffers& buffers) {
  const int64_t nope = heads_.head_dim - heads_.rope_dim;
  const int64_t chunk = std::max<int64_t>(4, layer.tokens / (int64_t{4} * workers_.threads()));
  const auto copy = [](const float* from, int64_t count, float* to) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
  };
  workers_.ParallelFor(layer.tokens, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t t = begin; t < end; ++t) {
      float* const query = layer.projected + t * layer.projected_stride;
      float* key = query + heads_.count * heads_.head_dim;
      float* value = key + heads_.count * heads_.head_dim;
      const float* expanded = buffers.expanded + t * ExpandedSize(spec_, heads_);
      float* const turning = buffers.kv_low + t * (spec_.rank + heads_.rope_dim) + spec_.rank;
      const float* const cosine = layer.cosine + t * layer.angle_stride;
      const float* const sine = layer.sine + t * layer.angle_stride;
      kernels_.rope(query + nope, heads_.count, heads_.head_dim, heads_.rope_dim, cosine, sine,
                    layer.pairing);
      kernels_.rope(turning, 1, heads_.rope_dim, heads_.rope_dim, cosine, sine, layer.pairing);
      for (int64_t head = 0; head < heads_.count; ++head) {
        copy(expanded, nope, key);
        copy(turning, heads_.rope_dim, key + nope);
        copy(expanded + nope, spec_.value_dim, value);
        key += heads_.head_dim;
        value += spec_.value_dim;
        expanded += nope + spec_.value_dim;
      }
    }
  });
}

}  // namespace firstlight
