#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/reference/reference.h"
#include "engine/kernels/reference/scalar.h"

namespace firstlight::reference {
namespace {

constexpr int64_t kPositions = kAttentionBlockPositions;

// cap * tanh(x / cap), by the exponential that all variants share.
float SoftCap(float x, float cap) {
  const float t = ExpScalar(-2.0F * std::fabs(x / cap));
  return std::copysign(cap * ((1.0F - t) / (1.0F + t)), x);
}

// One query head of one row.
void AttendHead(const AttentionArgs& args, int64_t row, int64_t head) {
  const int64_t head_dim = args.cache.head_dim;
  const int64_t value_dim = args.cache.value_size();
  const int64_t kv_head = head / (args.heads / args.cache.kv_heads);
  const int64_t position = args.first_position + row;
  const int64_t begin = args.window > 0 ? std::max<int64_t>(position - args.window + 1, 0) : 0;
  const float* query = args.query + row * args.query_stride + head * head_dim;
  float* output = args.output + row * args.output_stride + head * value_dim;

  float maximum = -std::numeric_limits<float>::infinity();
  float normalizer[kLanes] = {};
  if (args.sinks != nullptr) {
    maximum = args.sinks[head];
    normalizer[0] = 1.0F;
  }
  std::fill(output, output + value_dim, 0.0F);
  for (int64_t block = begin / kPositions; block <= position / kPositions; ++block) {
    const float* keys =
        args.cache.blocks[block] + args.cache.layer_offset + kv_head * head_dim * kPositions;
    const float* values = args.cache.blocks[block] + args.cache.layer_offset +
                          (args.cache.kv_heads * head_dim + kv_head * value_dim) * kPositions;
    const int64_t first = std::max<int64_t>(begin - block * kPositions, 0);
    const int64_t last = std::min<int64_t>(position - block * kPositions, kPositions - 1);

    float scores[kPositions];
    float block_maximum = maximum;
    for (int64_t slot = first; slot <= last; ++slot) {
      float sum = 0.0F;
      for (int64_t d = 0; d < head_dim; ++d) {
        sum = std::fma(query[d], keys[d * kPositions + slot], sum);
      }
      scores[slot] = sum * args.scale;
      if (args.soft_cap > 0.0F) {
        scores[slot] = SoftCap(scores[slot], args.soft_cap);
      }
      if (args.alibi_slopes != nullptr) {
        const auto distance = static_cast<float>(block * kPositions + slot - position);
        scores[slot] += args.alibi_slopes[head] * distance;
      }
      block_maximum = std::max(block_maximum, scores[slot]);
    }
    if (block_maximum != maximum) {
      const float rescale = ExpScalar(maximum - block_maximum);
      for (float& lane : normalizer) {
        lane *= rescale;
      }
      for (int64_t d = 0; d < value_dim; ++d) {
        output[d] *= rescale;
      }
      maximum = block_maximum;
    }
    for (int64_t slot = first; slot <= last; ++slot) {
      const float weight = ExpScalar(scores[slot] - maximum);
      normalizer[slot] += weight;
      for (int64_t d = 0; d < value_dim; ++d) {
        output[d] = std::fma(weight, values[slot * value_dim + d], output[d]);
      }
    }
  }
  const float sum = SumLanes(normalizer);
  for (int64_t d = 0; d < value_dim; ++d) {
    output[d] /= sum;
  }
}

}  // namespace

void Attention(const AttentionArgs& args, int64_t kv_head_begin, int64_t kv_head_end) {
  const int64_t group = args.heads / args.cache.kv_heads;
  for (int64_t row = 0; row < args.rows; ++row) {
    for (int64_t head = kv_head_begin * group; head < kv_head_end * group; ++head) {
      AttendHead(args, row, head);
    }
  }
}

}  // namespace firstlight::reference
