#include "engine/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/kernels/random_data.h"

namespace firstlight {
namespace {

struct Shape {
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t positions;
  int64_t window = 0;
  float soft_cap = 0.0F;
  int64_t value_dim = 0;  // 0: head_dim
  bool sinks = false;

  int64_t value_size() const { return value_dim > 0 ? value_dim : head_dim; }
};

// A sequence with its keys and values stored in blocks that lie in no order, among NaN.
class Sequence {
 public:
  Sequence(std::mt19937& random, const Shape& shape)
      : shape_(shape),
        query(RandomFloats(random, shape.positions * shape.heads * shape.head_dim)),
        key(RandomFloats(random, shape.positions * shape.kv_heads * shape.head_dim)),
        value(RandomFloats(random, shape.positions * shape.kv_heads * shape.value_size())),
        sinks(shape.sinks ? RandomFloats(random, shape.heads, 2.0F) : std::vector<float>()) {
    const int64_t count =
        (shape.positions + kAttentionBlockPositions - 1) / kAttentionBlockPositions;
    const int64_t block_floats =
        kLayerOffset + AttentionBlockFloats(shape.kv_heads, shape.head_dim, shape.value_dim);
    storage_.assign(count * block_floats, std::numeric_limits<float>::quiet_NaN());
    for (int64_t i = 0; i < count; ++i) {
      blocks_.push_back(storage_.data() + i * block_floats);
    }
    std::shuffle(blocks_.begin(), blocks_.end(), random);
    for (int64_t position = 0; position < shape.positions; ++position) {
      StoreKeyValue(cache(), position, &key[position * shape.kv_heads * shape.head_dim],
                    &value[position * shape.kv_heads * shape.value_size()]);
    }
  }

  AttentionBlocks cache() const {
    return {.blocks = blocks_.data(),
            .layer_offset = kLayerOffset,
            .kv_heads = shape_.kv_heads,
            .head_dim = shape_.head_dim,
            .value_dim = shape_.value_dim};
  }

  // Outputs of every position from `first` on, `chunk` rows at a time.
  std::vector<float> Attend(const Kernels& kernels, int64_t first, int64_t chunk) const {
    const int64_t row = shape_.heads * shape_.head_dim;
    const int64_t output_row = shape_.heads * shape_.value_size();
    std::vector<float> output((shape_.positions - first) * output_row);
    for (int64_t position = first; position < shape_.positions; position += chunk) {
      const AttentionArgs args = {.query = &query[position * row],
                                  .query_stride = row,
                                  .output = &output[(position - first) * output_row],
                                  .output_stride = output_row,
                                  .rows = std::min(chunk, shape_.positions - position),
                                  .first_position = position,
                                  .cache = cache(),
                                  .heads = shape_.heads,
                                  .scale = Scale(),
                                  .window = shape_.window,
                                  .soft_cap = shape_.soft_cap,
                                  .sinks = sinks.empty() ? nullptr : sinks.data()};
      for (int64_t kv_head = shape_.kv_heads - 1; kv_head >= 0; --kv_head) {
        kernels.attention(args, kv_head, kv_head + 1);
      }
    }
    return output;
  }

  float Scale() const { return 1.0F / std::sqrt(static_cast<float>(shape_.head_dim)); }

  // Output d of `head` at `position` in double precision, softmax written out.
  double Exact(int64_t position, int64_t head, int64_t d) const {
    const int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
    const int64_t begin =
        shape_.window > 0 ? std::max<int64_t>(0, position - shape_.window + 1) : 0;
    std::vector<double> scores;
    for (int64_t s = begin; s <= position; ++s) {
      double score = 0;
      for (int64_t i = 0; i < shape_.head_dim; ++i) {
        score +=
            static_cast<double>(query[(position * shape_.heads + head) * shape_.head_dim + i]) *
            key[(s * shape_.kv_heads + kv_head) * shape_.head_dim + i];
      }
      score *= Scale();
      scores.push_back(shape_.soft_cap > 0 ? shape_.soft_cap * std::tanh(score / shape_.soft_cap)
                                           : score);
    }
    const double maximum = *std::max_element(scores.begin(), scores.end());
    double sum = sinks.empty() ? 0.0 : std::exp(double{sinks[static_cast<size_t>(head)]} - maximum);
    double output = 0;
    for (int64_t s = begin; s <= position; ++s) {
      const double weight = std::exp(scores[s - begin] - maximum);
      sum += weight;
      output += weight * value[(s * shape_.kv_heads + kv_head) * shape_.value_size() + d];
    }
    return output / sum;
  }

 private:
  static constexpr int64_t kLayerOffset = 32;

  const Shape shape_;
  std::vector<float> storage_;
  std::vector<float*> blocks_;

 public:
  const std::vector<float> query;  // [positions, heads, head_dim]
  const std::vector<float> key;    // [positions, kv_heads, head_dim]
  const std::vector<float> value;  // [positions, kv_heads, value_dim]
  const std::vector<float> sinks;  // [heads], or none
};

constexpr Shape kShapes[] = {
    {.heads = 1, .kv_heads = 1, .head_dim = 1, .positions = 1},
    {.heads = 4, .kv_heads = 1, .head_dim = 64, .positions = 100},
    {.heads = 3, .kv_heads = 3, .head_dim = 20, .positions = 49},
    {.heads = 6, .kv_heads = 2, .head_dim = 16, .positions = 40, .window = 17},
    {.heads = 2, .kv_heads = 1, .head_dim = 24, .positions = 35, .window = 1},
    {.heads = 5, .kv_heads = 1, .head_dim = 13, .positions = 64, .soft_cap = 2.0F},
    {.heads = 4, .kv_heads = 2, .head_dim = 80, .positions = 33, .window = 16, .soft_cap = 30.0F},
    {.heads = 3, .kv_heads = 3, .head_dim = 24, .positions = 37, .value_dim = 16},
    {.heads = 4, .kv_heads = 2, .head_dim = 12, .positions = 34, .value_dim = 21},
    {.heads = 4, .kv_heads = 2, .head_dim = 16, .positions = 50, .window = 19, .sinks = true},
};

std::string Describe(const Shape& shape) {
  return std::to_string(shape.heads) + " heads of " + std::to_string(shape.head_dim) + ", " +
         std::to_string(shape.positions) + " positions, window " + std::to_string(shape.window) +
         ", cap " + std::to_string(shape.soft_cap) + ", values of " +
         std::to_string(shape.value_size()) + (shape.sinks ? ", sinks" : "");
}

void ExpectSameBits(const std::vector<float>& expected, const std::vector<float>& found,
                    const std::string& what) {
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(std::isfinite(expected[i])) << what << " at " << i;
    ASSERT_TRUE(SameBits(expected[i], found[i]))
        << what << " at " << i << ": expected " << expected[i] << ", found " << found[i];
  }
}

// A score is off by at most (head_dim + 2) roundings of the sum of its terms' magnitudes, here
// below 4 sqrt(head_dim); that shifts a weight by as much, relative, and a cap by two more
// roundings of its size. The weighted sum adds a rounding for each position and a few for exp and
// the division. Values are below 5.
TEST(AttentionReferenceTest, IsWithinRoundingOfSoftmaxInDoublePrecision) {
  std::mt19937 random(11);
  for (const Shape& shape : kShapes) {
    const Sequence sequence(random, shape);
    const std::vector<float> output = sequence.Attend(ReferenceKernels(), 0, shape.positions);
    const double score_roundings =
        static_cast<double>(shape.head_dim + 2) * 4 * std::sqrt(shape.head_dim) +
        4 * shape.soft_cap;
    const double roundings = 2 * score_roundings + static_cast<double>(shape.positions) + 8;
    const double tolerance = 5 * roundings * std::ldexp(1.0, -24);
    for (int64_t position = 0; position < shape.positions; ++position) {
      for (int64_t head = 0; head < shape.heads; ++head) {
        for (int64_t d = 0; d < shape.value_size(); ++d) {
          ASSERT_NEAR(output[(position * shape.heads + head) * shape.value_size() + d],
                      sequence.Exact(position, head, d), tolerance)
              << Describe(shape) << " at position " << position;
        }
      }
    }
  }
}

TEST(AttentionIdentityTest, EveryTableAndEveryChunking) {
  std::mt19937 random(12);
  for (const Shape& shape : kShapes) {
    const Sequence sequence(random, shape);
    const std::vector<float> expected = sequence.Attend(ReferenceKernels(), 0, shape.positions);
    for (const Kernels* kernels : VectorKernels()) {
      for (const int64_t chunk : {1, 2, 3, 5, 16, 17, 31, 100}) {
        ExpectSameBits(expected, sequence.Attend(*kernels, 0, chunk),
                       Describe(shape) + ", chunk " + std::to_string(chunk));
      }
    }
  }
}

TEST(AttentionIdentityTest, LaterRowsWithoutTheEarlierOnes) {
  std::mt19937 random(13);
  const Shape shape = {.heads = 8, .kv_heads = 2, .head_dim = 32, .positions = 75};
  const Sequence sequence(random, shape);
  const std::vector<float> all = sequence.Attend(ReferenceKernels(), 0, shape.positions);
  const int64_t row = shape.heads * shape.head_dim;
  for (const Kernels* kernels : VectorKernels()) {
    for (const int64_t first : {1, 15, 16, 33, 74}) {
      ExpectSameBits({all.begin() + first * row, all.end()}, sequence.Attend(*kernels, first, 75),
                     "from " + std::to_string(first));
    }
  }
}

TEST(AttentionTest, NoRowsWriteNothing) {
  for (const Kernels* kernels : VectorKernels()) {
    kernels->attention({.cache = {.kv_heads = 1, .head_dim = 4}, .heads = 1}, 0, 1);
  }
}

}  // namespace
}  // namespace firstlight
