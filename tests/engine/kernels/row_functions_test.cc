#include "engine/kernels/row_functions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/kernels/random_data.h"

namespace firstlight {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kEpsilon = 1.0 / (1 << 24);  // half a unit in the last place, relative
constexpr WeightType kTypes[] = {WeightType::kF32, WeightType::kF16, WeightType::kBF16};

// Calls body(kernels, count) for each vector table and each count that ends differently.
template <typename Body>
void ForEachTableAndCount(Body body) {
  for (const Kernels* kernels : VectorKernels()) {
    for (int64_t count = 0; count <= 70; ++count) {
      SCOPED_TRACE(std::string(IsaName(kernels->isa)) + ", count " + std::to_string(count));
      body(*kernels, count);
    }
  }
}

void ExpectSameBits(const std::vector<float>& expected, const std::vector<float>& found) {
  ASSERT_EQ(expected.size(), found.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(SameBits(expected[i], found[i]))
        << "at " << i << ": expected " << expected[i] << ", found " << found[i];
  }
}

float ExpOf(const Kernels& kernels, float x) {
  float y;
  kernels.exp(&x, 1, &y);
  return y;
}

// Every 257th float in [-105, 90], which reaches past both ends of the range, and those next to 0.
std::vector<float> DenseSweep() {
  std::vector<float> sweep;
  for (const auto& [sign, end] : {std::pair(0x00000000U, 90.0F), std::pair(0x80000000U, 105.0F)}) {
    const uint32_t last = std::bit_cast<uint32_t>(end);
    sweep.reserve(sweep.size() + last / 257 + 1);
    for (uint32_t magnitude = 0; magnitude <= last; magnitude += 257) {
      sweep.push_back(std::bit_cast<float>(magnitude | sign));
    }
  }
  return sweep;
}

// The bound of row_functions.h, of every table. Where the result underflows gradually the unit is
// that of the subnormal numbers.
TEST(ExpTest, IsWithinOneUnitInTheLastPlaceInEveryTable) {
  constexpr double kSmallest = 0x1p-149;
  constexpr double kOverflow = 0x1.ffffffp+127;  // rounds to infinity
  const std::vector<float> input = DenseSweep();
  std::vector<const Kernels*> tables = VectorKernels();
  tables.push_back(&ReferenceKernels());
  for (const Kernels* kernels : tables) {
    SCOPED_TRACE(std::string(IsaName(kernels->isa)));
    std::vector<float> output(input.size());
    kernels->exp(input.data(), static_cast<int64_t>(input.size()), output.data());
    double worst = 0;
    for (size_t i = 0; i < input.size(); ++i) {
      const double exact = std::exp(static_cast<double>(input[i]));
      if (exact >= kOverflow) {
        ASSERT_EQ(output[i], kInfinity) << input[i];
        continue;
      }
      const double unit = std::max(std::ldexp(1.0, std::ilogb(exact) - 23), kSmallest);
      const double error = std::fabs(static_cast<double>(output[i]) - exact) / unit;
      ASSERT_LT(error, 1.0) << "exp(" << input[i] << "): expected " << exact << ", found "
                            << output[i];
      worst = std::max(worst, error);
    }
    // Rounding alone takes half a unit: less means that the sweep was not one.
    EXPECT_GT(worst, 0.5);
    RecordProperty(std::string("worst_") + std::string(IsaName(kernels->isa)),
                   std::to_string(worst));
  }
}

TEST(ExpTest, EndsOfTheRange) {
  EXPECT_EQ(ExpOf(ReferenceKernels(), 0.0F), 1.0F);
  EXPECT_EQ(ExpOf(ReferenceKernels(), -0.0F), 1.0F);
  EXPECT_EQ(ExpOf(ReferenceKernels(), -kInfinity), 0.0F);
  EXPECT_EQ(ExpOf(ReferenceKernels(), -200.0F), 0.0F);
  EXPECT_EQ(ExpOf(ReferenceKernels(), kInfinity), kInfinity);
  EXPECT_EQ(ExpOf(ReferenceKernels(), 88.8F), kInfinity);
  EXPECT_TRUE(std::isnan(ExpOf(ReferenceKernels(), kNan)));
  EXPECT_NEAR(ExpOf(ReferenceKernels(), -100.0F), std::exp(-100.0), std::ldexp(1.0, -149));
}

TEST(ExpTest, TablesAgree) {
  std::vector<float> input = {kNan, kInfinity, -kInfinity, 0.0F, -0.0F, 88.72F, -103.9F, -87.5F};
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 458647) {
    input.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  std::vector<float> expected(input.size());
  ReferenceKernels().exp(input.data(), static_cast<int64_t>(input.size()), expected.data());
  for (const Kernels* kernels : VectorKernels()) {
    std::vector<float> found(input.size());
    kernels->exp(input.data(), static_cast<int64_t>(input.size()), found.data());
    ExpectSameBits(expected, found);
  }
}

TEST(RmsNormTest, FollowsTheFormula) {
  std::mt19937 random(21);
  for (const WeightType type : kTypes) {
    for (const float offset : {0.0F, 1.0F}) {
      const int64_t count = 203;
      const StoredWeight weight(random, type, 1, count, 0, 1);
      const std::vector<float> input = RandomFloats(random, count, 3.0F);
      std::vector<float> output(count);
      ReferenceKernels().rms_norm(input.data(), count, weight.rows(), offset, 1e-5F, output.data());
      double squares = 0;
      for (const float x : input) {
        squares += static_cast<double>(x) * x;
      }
      const double scale = 1.0 / std::sqrt(squares / count + static_cast<double>(1e-5F));
      for (int64_t i = 0; i < count; ++i) {
        const double exact = (offset + weight.at(0, i)) * input[i] * scale;
        // 203 / 16 + 5 roundings of the sum count half through the root; six follow.
        const double size = (offset + std::fabs(weight.at(0, i))) * std::fabs(input[i]) * scale;
        EXPECT_NEAR(output[i], exact, 15 * kEpsilon * size);
      }
    }
  }
}

TEST(RmsNormTest, TablesAgreeInPlaceAndApart) {
  std::mt19937 random(22);
  for (const WeightType type : kTypes) {
    ForEachTableAndCount([&](const Kernels& kernels, int64_t count) {
      const StoredWeight weight(random, type, 1, count, 0, 1);
      const std::vector<float> input = RandomFloats(random, count);
      std::vector<float> expected(count);
      ReferenceKernels().rms_norm(input.data(), count, weight.rows(), 1.0F, 1e-6F, expected.data());
      std::vector<float> found = input;
      kernels.rms_norm(found.data(), count, weight.rows(), 1.0F, 1e-6F, found.data());
      ExpectSameBits(expected, found);
    });
  }
}

TEST(RopeTest, RotatesPairsAndLeavesTheRest) {
  // One head of 6, four of which rotate: a quarter turn and half a turn.
  const std::vector<float> cosine = {0.0F, -1.0F};
  const std::vector<float> sine = {1.0F, 0.0F};
  std::vector<float> head = {1, 2, 3, 4, 5, 6};
  ReferenceKernels().rope(head.data(), 1, 6, 4, cosine.data(), sine.data(), RopePairing::kHalves);
  EXPECT_EQ(head, (std::vector<float>{-3, -2, 1, -4, 5, 6}));
  head = {1, 2, 3, 4, 5, 6};
  ReferenceKernels().rope(head.data(), 1, 6, 4, cosine.data(), sine.data(),
                          RopePairing::kNeighbours);
  EXPECT_EQ(head, (std::vector<float>{-2, 1, -3, -4, 5, 6}));
}

TEST(RopeTest, TablesAgree) {
  std::mt19937 random(23);
  for (const RopePairing pairing : {RopePairing::kHalves, RopePairing::kNeighbours}) {
    ForEachTableAndCount([&](const Kernels& kernels, int64_t count) {
      const int64_t rotary_dim = count / 2 * 2;
      const int64_t head_dim = count + 3;
      const std::vector<float> cosine = RandomFloats(random, rotary_dim / 2);
      const std::vector<float> sine = RandomFloats(random, rotary_dim / 2);
      std::vector<float> expected = RandomFloats(random, 3 * head_dim);
      std::vector<float> found = expected;
      ReferenceKernels().rope(expected.data(), 3, head_dim, rotary_dim, cosine.data(), sine.data(),
                              pairing);
      kernels.rope(found.data(), 3, head_dim, rotary_dim, cosine.data(), sine.data(), pairing);
      ExpectSameBits(expected, found);
    });
  }
}

TEST(SiluAndMultiplyTest, FollowsTheFormula) {
  std::vector<float> gate;
  for (int i = -216; i <= 216; ++i) {
    gate.push_back(0.37F * static_cast<float>(i));
  }
  const std::vector<float> up(gate.size(), 1.5F);
  std::vector<float> output(gate.size());
  ReferenceKernels().silu_and_multiply(gate.data(), up.data(), static_cast<int64_t>(gate.size()),
                                       output.data());
  for (size_t i = 0; i < gate.size(); ++i) {
    const double exact = gate[i] / (1 + std::exp(-static_cast<double>(gate[i]))) * 1.5;
    EXPECT_NEAR(output[i], exact, 5 * kEpsilon * std::fabs(exact)) << gate[i];
  }
  const float lowest = -1e30F;
  const float one = 1.0F;
  float found = 1.0F;
  ReferenceKernels().silu_and_multiply(&lowest, &one, 1, &found);
  EXPECT_EQ(found, 0.0F);
}

TEST(ElementwiseTest, TablesAgree) {
  std::mt19937 random(24);
  ForEachTableAndCount([&](const Kernels& kernels, int64_t count) {
    const std::vector<float> a = RandomFloats(random, count, 20.0F);
    const std::vector<float> b = RandomFloats(random, count);
    std::vector<float> expected(count);
    std::vector<float> found(count);
    ReferenceKernels().silu_and_multiply(a.data(), b.data(), count, expected.data());
    kernels.silu_and_multiply(a.data(), b.data(), count, found.data());
    ExpectSameBits(expected, found);

    ReferenceKernels().add(a.data(), count, expected.data());
    kernels.add(a.data(), count, found.data());
    ExpectSameBits(expected, found);

    for (const WeightType type : kTypes) {
      const StoredWeight row(random, type, 1, count, 0, 1);
      kernels.widen_row(row.rows().data, type, count, 3.0F, found.data());
      for (int64_t i = 0; i < count; ++i) {
        ASSERT_EQ(found[i], 3.0F * row.at(0, i));
      }
      ReferenceKernels().widen_row(row.rows().data, type, count, 3.0F, expected.data());
      ExpectSameBits(expected, found);
    }
  });
}

TEST(ArgmaxTest, FirstOfTheGreatestWithoutNan) {
  for (const Kernels* kernels : VectorKernels()) {
    for (const Kernels* table : {&ReferenceKernels(), kernels}) {
      std::vector<float> row(37, -2.0F);
      row[20] = row[33] = 5.0F;
      row[3] = kNan;
      EXPECT_EQ(table->argmax(row.data(), static_cast<int64_t>(row.size())), 20);
      row[36] = 6.0F;
      EXPECT_EQ(table->argmax(row.data(), static_cast<int64_t>(row.size())), 36);
      EXPECT_EQ(table->argmax(row.data(), 0), 0);
      const std::vector<float> nothing = {kNan, -kInfinity, kNan};
      EXPECT_EQ(table->argmax(nothing.data(), static_cast<int64_t>(nothing.size())), 0);
    }
  }
}

TEST(LogSumExpTest, FollowsTheFormula) {
  std::mt19937 random(25);
  const std::vector<float> row = RandomFloats(random, 5003, 8.0F);
  double sum = 0;
  for (const float x : row) {
    sum += std::exp(static_cast<double>(x));
  }
  const double exact = std::log(sum);
  // The sum's relative error, at most 5003 / 16 + 5 roundings and the exponentials', is absolute
  // in its logarithm.
  EXPECT_NEAR(ReferenceKernels().log_sum_exp(row.data(), static_cast<int64_t>(row.size())), exact,
              323 * kEpsilon + std::fabs(exact) * kEpsilon);
}

TEST(LogSumExpTest, TablesAgree) {
  std::mt19937 random(26);
  ForEachTableAndCount([&](const Kernels& kernels, int64_t count) {
    std::vector<float> row = RandomFloats(random, count, 10.0F);
    EXPECT_TRUE(SameBits(ReferenceKernels().log_sum_exp(row.data(), count),
                         kernels.log_sum_exp(row.data(), count)));
    if (count > 2) {
      row[count / 2] = kNan;
      EXPECT_TRUE(std::isnan(ReferenceKernels().log_sum_exp(row.data(), count)));
      EXPECT_TRUE(std::isnan(kernels.log_sum_exp(row.data(), count)));
    }
    row.assign(count, -kInfinity);
    EXPECT_EQ(kernels.log_sum_exp(row.data(), count), -kInfinity);
  });
}

}  // namespace
}  // namespace firstlight
