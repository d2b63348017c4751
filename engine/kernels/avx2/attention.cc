#include "engine/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/avx2/avx2.h"
#include "engine/kernels/avx2/vector_math.h"

namespace firstlight::avx2 {
namespace {

constexpr int64_t kPositions = kAttentionBlockPositions;
constexpr int kLinesAtOnce = 4;
constexpr int64_t kMaxLines = 64;  // that share one pass over the cache; 9 KiB of state

// One query head of one row, on its way over the cache.
struct Line {
  const float* query;
  float* output;
  int64_t begin;  // positions attended: [begin, end)
  int64_t end;
  float slope;  // of its head's linear bias
  float maximum;
  alignas(32) float normalizer[kPositions];
};

// The slots of a block that a line attends, [first, end).
struct Slots {
  int64_t first;
  int64_t end;
  bool empty() const { return first >= end; }
  bool full() const { return first == 0 && end == kPositions; }
};

Slots SlotsOf(const Line& line, int64_t block) {
  const int64_t start = block * kPositions;
  return {std::max<int64_t>(line.begin - start, 0), std::min(line.end - start, kPositions)};
}

// All ones in the slots attended, eight from `from` on.
__m256 Mask(Slots slots, int from) {
  const __m256i slot =
      _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(from));
  const __m256i first = _mm256_set1_epi32(static_cast<int>(slots.first));
  const __m256i end = _mm256_set1_epi32(static_cast<int>(slots.end));
  return _mm256_castsi256_ps(
      _mm256_andnot_si256(_mm256_cmpgt_epi32(first, slot), _mm256_cmpgt_epi32(end, slot)));
}

// scores[l][slot] = sum over d of query[d] * keys[d][slot].
template <int Lines>
void Score(const Line* lines, const float* keys, int64_t head_dim, float (*scores)[kPositions]) {
  __m256 sums[Lines][2];
  for (auto& sum : sums) {
    sum[0] = sum[1] = _mm256_setzero_ps();
  }
  for (int64_t d = 0; d < head_dim; ++d) {
    const __m256 low = _mm256_loadu_ps(keys + d * kPositions);
    const __m256 high = _mm256_loadu_ps(keys + d * kPositions + kWidth);
#pragma GCC unroll 8
    for (int l = 0; l < Lines; ++l) {
      const __m256 query = _mm256_broadcast_ss(lines[l].query + d);
      sums[l][0] = _mm256_fmadd_ps(query, low, sums[l][0]);
      sums[l][1] = _mm256_fmadd_ps(query, high, sums[l][1]);
    }
  }
#pragma GCC unroll 8
  for (int l = 0; l < Lines; ++l) {
    _mm256_store_ps(scores[l], sums[l][0]);
    _mm256_store_ps(scores[l] + kWidth, sums[l][1]);
  }
}

__m256 SoftCap(__m256 x, float cap) {
  const __m256 sign = Splat(-0.0F);
  const __m256 magnitude = _mm256_andnot_ps(sign, _mm256_div_ps(x, Splat(cap)));
  const __m256 t = Exp(_mm256_mul_ps(Splat(-2.0F), magnitude));
  const __m256 capped = _mm256_mul_ps(
      Splat(cap), _mm256_div_ps(_mm256_sub_ps(Splat(1.0F), t), _mm256_add_ps(Splat(1.0F), t)));
  return _mm256_or_ps(_mm256_andnot_ps(sign, capped), _mm256_and_ps(sign, x));
}

void Rescale(Line& line, float factor, int64_t value_dim) {
  const __m256 factors = Splat(factor);
  for (int64_t i = 0; i < kPositions; i += kWidth) {
    _mm256_store_ps(line.normalizer + i,
                    _mm256_mul_ps(_mm256_load_ps(line.normalizer + i), factors));
  }
  int64_t d = 0;
  for (; d + kWidth <= value_dim; d += kWidth) {
    _mm256_storeu_ps(line.output + d, _mm256_mul_ps(_mm256_loadu_ps(line.output + d), factors));
  }
  for (; d < value_dim; ++d) {
    line.output[d] *= factor;
  }
}

float ExpOne(float x) { return _mm256_cvtss_f32(Exp(Splat(x))); }

// slope * (s - p) for eight positions s from `first` on.
__m256 Bias(const Line& line, int64_t first) {
  const auto nearest = static_cast<int>(first - (line.end - 1));
  const __m256i distance =
      _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(nearest));
  return _mm256_mul_ps(Splat(line.slope), _mm256_cvtepi32_ps(distance));
}

// Turns a line's dot products with a block into weights, zero for slots not attended, and brings
// its maximum and normalizer up to date.
void Weigh(const AttentionArgs& args, int64_t block, Slots slots, Line& line, float* scores) {
  const __m256 lowest = Splat(-std::numeric_limits<float>::infinity());
  __m256 score[2];
  __m256 mask[2];
  __m256 most = Splat(line.maximum);
  for (int h = 0; h < 2; ++h) {
    mask[h] = Mask(slots, h * static_cast<int>(kWidth));
    score[h] = _mm256_mul_ps(_mm256_load_ps(scores + h * kWidth), Splat(args.scale));
    if (args.soft_cap > 0.0F) {
      score[h] = SoftCap(score[h], args.soft_cap);
    }
    if (args.alibi_slopes != nullptr) {
      score[h] = _mm256_add_ps(score[h], Bias(line, block * kPositions + h * kWidth));
    }
    score[h] = _mm256_blendv_ps(lowest, score[h], mask[h]);
    most = _mm256_max_ps(score[h], most);
  }
  const float maximum = MaxOf(most);
  if (maximum != line.maximum) {
    Rescale(line, ExpOne(line.maximum - maximum), args.cache.value_size());
    line.maximum = maximum;
  }
  for (int h = 0; h < 2; ++h) {
    const __m256 weight = _mm256_and_ps(mask[h], Exp(_mm256_sub_ps(score[h], Splat(line.maximum))));
    _mm256_store_ps(scores + h * kWidth, weight);
    float* normalizer = line.normalizer + h * kWidth;
    _mm256_store_ps(normalizer, _mm256_add_ps(_mm256_load_ps(normalizer), weight));
  }
}

// output[d] += sum over the slots, in order, of weights[slot] * values[slot][d].
template <int Lines>
void AddValues(Line* lines, Slots slots, const float (*weights)[kPositions], const float* values,
               int64_t value_dim) {
  int64_t d = 0;
  for (; d + kWidth <= value_dim; d += kWidth) {
    __m256 sums[Lines];
#pragma GCC unroll 8
    for (int l = 0; l < Lines; ++l) {
      sums[l] = _mm256_loadu_ps(lines[l].output + d);
    }
    for (int64_t slot = slots.first; slot < slots.end; ++slot) {
      const __m256 value = _mm256_loadu_ps(values + slot * value_dim + d);
#pragma GCC unroll 8
      for (int l = 0; l < Lines; ++l) {
        sums[l] = _mm256_fmadd_ps(_mm256_broadcast_ss(&weights[l][slot]), value, sums[l]);
      }
    }
#pragma GCC unroll 8
    for (int l = 0; l < Lines; ++l) {
      _mm256_storeu_ps(lines[l].output + d, sums[l]);
    }
  }
  for (; d < value_dim; ++d) {
#pragma GCC unroll 8
    for (int l = 0; l < Lines; ++l) {
      for (int64_t slot = slots.first; slot < slots.end; ++slot) {
        lines[l].output[d] =
            std::fma(weights[l][slot], values[slot * value_dim + d], lines[l].output[d]);
      }
    }
  }
}

// A few lines over one block. Slots not attended may hold anything: their scores are masked and
// their values not read.
template <int Lines>
void AttendBlock(const AttentionArgs& args, Line* lines, int64_t block, const float* keys,
                 const float* values) {
  const int64_t value_dim = args.cache.value_size();
  alignas(32) float scores[Lines][kPositions];
  Score<Lines>(lines, keys, args.cache.head_dim, scores);
  bool all_full = true;
#pragma GCC unroll 8
  for (int l = 0; l < Lines; ++l) {
    const Slots slots = SlotsOf(lines[l], block);
    if (!slots.empty()) {
      Weigh(args, block, slots, lines[l], scores[l]);
    }
    all_full &= slots.full();
  }
  if (all_full) {
    AddValues<Lines>(lines, {0, kPositions}, scores, values, value_dim);
    return;
  }
#pragma GCC unroll 8
  for (int l = 0; l < Lines; ++l) {
    AddValues<1>(lines + l, SlotsOf(lines[l], block), scores + l, values, value_dim);
  }
}

// Lines of one key/value head, in one pass over the cache.
void AttendLines(const AttentionArgs& args, int64_t kv_head, Line* lines, int64_t count) {
  const AttentionBlocks& cache = args.cache;
  const int64_t key_floats = cache.head_dim * kPositions;
  const int64_t value_floats = cache.value_size() * kPositions;
  // Lines are in order of position.
  const int64_t end = (lines[count - 1].end + kPositions - 1) / kPositions;
  for (int64_t block = lines[0].begin / kPositions; block < end; ++block) {
    const float* keys = cache.blocks[block] + cache.layer_offset + kv_head * key_floats;
    const float* values = cache.blocks[block] + cache.layer_offset + cache.kv_heads * key_floats +
                          kv_head * value_floats;
    int64_t l = 0;
    for (; l + kLinesAtOnce <= count; l += kLinesAtOnce) {
      if (SlotsOf(lines[l], block).empty() && SlotsOf(lines[l + kLinesAtOnce - 1], block).empty()) {
        continue;
      }
      AttendBlock<kLinesAtOnce>(args, lines + l, block, keys, values);
    }
    for (; l < count; ++l) {
      AttendBlock<1>(args, lines + l, block, keys, values);
    }
  }
  for (int64_t l = 0; l < count; ++l) {
    const float sum =
        SumLanes(_mm256_load_ps(lines[l].normalizer), _mm256_load_ps(lines[l].normalizer + kWidth));
    for (int64_t d = 0; d < cache.value_size(); ++d) {
      lines[l].output[d] /= sum;
    }
  }
}

}  // namespace

void Attention(const AttentionArgs& args, int64_t kv_head_begin, int64_t kv_head_end) {
  const int64_t head_dim = args.cache.head_dim;
  const int64_t value_dim = args.cache.value_size();
  const int64_t group = args.heads / args.cache.kv_heads;
  Line lines[kMaxLines];
  for (int64_t kv_head = kv_head_begin; kv_head < kv_head_end; ++kv_head) {
    int64_t count = 0;
    for (int64_t i = 0; i < args.rows * group; ++i) {
      const int64_t row = i / group;
      const int64_t head = kv_head * group + i % group;
      const int64_t position = args.first_position + row;
      Line& line = lines[count++];
      line.query = args.query + row * args.query_stride + head * head_dim;
      line.output = args.output + row * args.output_stride + head * value_dim;
      line.begin = args.window > 0 ? std::max<int64_t>(position - args.window + 1, 0) : 0;
      line.end = position + 1;
      line.slope = args.alibi_slopes != nullptr ? args.alibi_slopes[head] : 0.0F;
      line.maximum = -std::numeric_limits<float>::infinity();
      std::fill(line.normalizer, line.normalizer + kPositions, 0.0F);
      if (args.sinks != nullptr) {
        line.maximum = args.sinks[head];
        line.normalizer[0] = 1.0F;
      }
      std::fill(line.output, line.output + value_dim, 0.0F);
      if (count == kMaxLines) {
        AttendLines(args, kv_head, lines, count);
        count = 0;
      }
    }
    if (count > 0) {
      AttendLines(args, kv_head, lines, count);
    }
  }
}

}  // namespace firstlight::avx2
