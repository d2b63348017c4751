#include "engine/kernels/product.h"

#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include "gtest/gtest.h"
#include "tests/engine/kernels/random_data.h"

namespace firstlight {
namespace {

constexpr float kUntouched = -12345.0F;

// [tokens, rows] by `kernels`, rows given in ranges of `chunk`, from the last to the first.
std::vector<float> Multiply(const Kernels& kernels, const std::vector<float>& input, int64_t tokens,
                            const WeightRows& weight, const WeightRows& bias, int64_t chunk) {
  AlignedFloats packed(PackedActivationFloats(tokens, weight.columns));
  AlignedFloats scratch(kProductScratchFloats);
  PackActivations(input.data(), weight.columns, tokens, weight.columns, 0, tokens, packed.data());
  std::vector<float> output(tokens * weight.rows, kUntouched);
  const ProductArgs args = {.packed = packed.data(),
                            .tokens = tokens,
                            .weight = weight,
                            .bias = bias,
                            .output = output.data(),
                            .output_stride = weight.rows};
  for (int64_t begin = (weight.rows - 1) / chunk * chunk; begin >= 0; begin -= chunk) {
    kernels.product(args, begin, std::min(begin + chunk, weight.rows), scratch.data());
  }
  return output;
}

void ExpectSameBits(const std::vector<float>& expected, const std::vector<float>& found,
                    const std::string& what) {
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(SameBits(expected[i], found[i]))
        << what << " at " << i << ": expected " << expected[i] << ", found " << found[i];
  }
}

// The reference against Eigen's product in double precision, whose own error is nothing beside this
// one's. Error of a sum of n products in any order by fused steps: at most (n / 16 + 5) roundings
// touch a term, each of relative 2^-24 (Higham, "Accuracy and Stability of Numerical Algorithms",
// 3.1).
TEST(ProductReferenceTest, IsWithinTheRoundingErrorOfTheExactSum) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;
  using FloatRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::mt19937 random(1);
  for (const WeightType type : {WeightType::kF32, WeightType::kF16, WeightType::kBF16}) {
    for (const int64_t columns : {1, 15, 16, 17, 100, 1030}) {
      const int64_t tokens = 5;
      const int64_t rows = 7;
      const StoredWeight weight(random, type, rows, columns, 3, 1);
      const std::vector<float> input = RandomFloats(random, tokens * columns);
      const std::vector<float> output =
          Multiply(ReferenceKernels(), input, tokens, weight.rows(), {}, rows);

      const Matrix x = Eigen::Map<const FloatRows>(input.data(), tokens, columns).cast<double>();
      const Matrix w = Matrix::NullaryExpr(rows, columns, [&weight](int64_t row, int64_t column) {
        return double{weight.at(row, column)};
      });
      const Matrix exact = x * w.transpose();
      const Matrix magnitude = x.cwiseAbs() * w.cwiseAbs().transpose();
      const double roundings = static_cast<double>(columns) / 16 + 5;
      for (int64_t t = 0; t < tokens; ++t) {
        for (int64_t o = 0; o < rows; ++o) {
          EXPECT_NEAR(output[t * rows + o], exact(t, o), roundings * 0x1p-24 * magnitude(t, o));
        }
      }
    }
  }
}

TEST(ProductReferenceTest, EmptySumIsZeroAndNoRowsWriteNothing) {
  const std::vector<float> input(4, 1.0F);
  for (const Kernels* kernels : VectorKernels()) {
    WeightRows weight = {.data = input.data(), .rows = 3, .columns = 0, .row_stride = 0};
    ExpectSameBits(std::vector<float>(6, 0.0F), Multiply(*kernels, input, 2, weight, {}, 3),
                   "no columns");
    weight = {.data = input.data(), .rows = 2, .columns = 2, .row_stride = 2};
    AlignedFloats packed(PackedActivationFloats(1, 2));
    AlignedFloats scratch(kProductScratchFloats);
    float output = kUntouched;
    ProductArgs args = {.packed = packed.data(), .tokens = 1, .weight = weight, .output = &output};
    kernels->product(args, 1, 1, scratch.data());
    args.tokens = 0;
    kernels->product(args, 0, 2, scratch.data());
    EXPECT_EQ(output, kUntouched);
  }
}

// Every table, type, odd size, number of tokens and split of the rows against the reference, to the
// bit.
class ProductIdentityTest : public testing::TestWithParam<WeightType> {};

TEST_P(ProductIdentityTest, EveryNumberOfTokens) {
  std::mt19937 random(2);
  const int64_t columns = 531;  // a column block, a whole step and a part of one
  const int64_t rows = 29;      // tiles of six, a row block and a rest
  const StoredWeight weight(random, GetParam(), rows, columns, 5, 1);
  const StoredWeight bias(random, GetParam(), 1, rows, 0, 1);
  for (int64_t tokens = 1; tokens <= 70; ++tokens) {
    const std::vector<float> input = RandomFloats(random, tokens * columns);
    const std::vector<float> expected =
        Multiply(ReferenceKernels(), input, tokens, weight.rows(), bias.rows(), rows);
    for (const Kernels* kernels : VectorKernels()) {
      ExpectSameBits(expected, Multiply(*kernels, input, tokens, weight.rows(), bias.rows(), rows),
                     "tokens " + std::to_string(tokens));
    }
  }
}

TEST_P(ProductIdentityTest, EverySplitOfTheRows) {
  std::mt19937 random(3);
  const int64_t columns = 77;
  const int64_t rows = 55;
  const StoredWeight weight(random, GetParam(), rows, columns, 0, 3);
  for (const int64_t tokens : {1, 2, 3, 4, 7, 9}) {
    const std::vector<float> input = RandomFloats(random, tokens * columns);
    const std::vector<float> expected =
        Multiply(ReferenceKernels(), input, tokens, weight.rows(), {}, rows);
    for (const Kernels* kernels : VectorKernels()) {
      for (int64_t chunk = 1; chunk <= rows; ++chunk) {
        ExpectSameBits(expected, Multiply(*kernels, input, tokens, weight.rows(), {}, chunk),
                       "chunk " + std::to_string(chunk));
      }
    }
  }
}

TEST_P(ProductIdentityTest, EveryLengthOfARow) {
  std::mt19937 random(4);
  const int64_t rows = 8;
  for (const int64_t tokens : {1, 6}) {
    for (int64_t columns = 1; columns <= 100; ++columns) {
      const StoredWeight weight(random, GetParam(), rows, columns, columns % 3, 1);
      const std::vector<float> input = RandomFloats(random, tokens * columns);
      const std::vector<float> expected =
          Multiply(ReferenceKernels(), input, tokens, weight.rows(), {}, rows);
      for (const Kernels* kernels : VectorKernels()) {
        ExpectSameBits(expected, Multiply(*kernels, input, tokens, weight.rows(), {}, rows),
                       "columns " + std::to_string(columns));
      }
    }
  }
}

// A row's outputs beside others and alone: more tokens than a token block, more columns than a
// column block.
TEST_P(ProductIdentityTest, ATokenAloneAndAmongMany) {
  std::mt19937 random(5);
  const int64_t columns = 1100;
  const int64_t rows = 31;
  const int64_t tokens = 261;
  const StoredWeight weight(random, GetParam(), rows, columns);
  const std::vector<float> input = RandomFloats(random, tokens * columns);
  for (const Kernels* kernels : VectorKernels()) {
    const std::vector<float> together = Multiply(*kernels, input, tokens, weight.rows(), {}, rows);
    for (const int64_t token : {0, 127, 128, 255, 259, 260}) {
      const std::vector<float> one(&input[token * columns], &input[token * columns] + columns);
      const std::vector<float> expected(&together[token * rows], &together[token * rows] + rows);
      ExpectSameBits(expected, Multiply(*kernels, one, 1, weight.rows(), {}, rows),
                     "token " + std::to_string(token));
    }
  }
}

TEST_P(ProductIdentityTest, NanAndInfinityStayInTheirOutputs) {
  std::mt19937 random(6);
  const int64_t columns = 50;
  const int64_t rows = 13;
  const int64_t tokens = 6;
  const StoredWeight weight(random, GetParam(), rows, columns);
  std::vector<float> input = RandomFloats(random, tokens * columns);
  input[1 * columns + 49] = std::numeric_limits<float>::quiet_NaN();
  input[2 * columns + 48] = std::numeric_limits<float>::infinity();
  const std::vector<float> expected =
      Multiply(ReferenceKernels(), input, tokens, weight.rows(), {}, rows);
  EXPECT_TRUE(std::isnan(expected[1 * rows]));
  EXPECT_TRUE(std::isinf(expected[2 * rows]));
  EXPECT_TRUE(std::isfinite(expected[3 * rows]));
  for (const Kernels* kernels : VectorKernels()) {
    ExpectSameBits(expected, Multiply(*kernels, input, tokens, weight.rows(), {}, rows), "NaN");
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ProductIdentityTest,
                         testing::Values(WeightType::kF32, WeightType::kF16, WeightType::kBF16));

TEST(ProductRowChunkTest, IsPositiveAndCoversLittleWorkAtOnce) {
  EXPECT_GT(ProductRowChunk(0, 0, 0, 1), 0);
  EXPECT_GE(ProductRowChunk(10, 16, 1, 4), 10);
  EXPECT_LT(ProductRowChunk(128256, 2048, 1, 2), 128256 / 8);
}

}  // namespace
}  // namespace firstlight
