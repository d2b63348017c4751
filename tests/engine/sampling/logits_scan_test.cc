#include "engine/sampling/logits_scan.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows of every length around the vector width, with many equal values and some -infinity.
std::vector<float> RandomRow(std::mt19937& random, int64_t count) {
  std::uniform_int_distribution<int> values(-20, 20);
  std::vector<float> row(count);
  for (float& value : row) {
    const int drawn = values(random);
    value = drawn == -20 ? -kInfinity : static_cast<float>(drawn) / 4;
  }
  return row;
}

TEST(FindMaximumTest, FindsTheLowestIndexOfTheMaximum) {
  std::mt19937 random(1);
  for (int64_t count = 1; count < 70; ++count) {
    std::vector<float> row = RandomRow(random, count);
    row[count / 2] = 3;
    const RowMaximum maximum = FindMaximum(row);
    const auto expected = std::max_element(row.begin(), row.end());
    EXPECT_TRUE(maximum.is_valid);
    EXPECT_EQ(maximum.value, *expected);
    EXPECT_EQ(maximum.id, expected - row.begin());
  }
}

TEST(FindMaximumTest, RejectsNanAndInfinityAnywhere) {
  for (int64_t count = 1; count < 20; ++count) {
    for (int64_t i = 0; i < count; ++i) {
      std::vector<float> row(count, 1.0F);
      row[i] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_FALSE(FindMaximum(row).is_valid) << count << " " << i;
      row[i] = kInfinity;
      EXPECT_FALSE(FindMaximum(row).is_valid) << count << " " << i;
    }
  }
  EXPECT_FALSE(FindMaximum({}).is_valid);
  EXPECT_FALSE(FindMaximum(std::vector<float>(9, -kInfinity)).is_valid);
}

TEST(KthLargestTest, EqualsSorting) {
  std::mt19937 random(2);
  std::vector<float> scratch;
  for (const int64_t count : {1, 7, 8, 9, 300, 1023, 5000}) {
    for (int repeat = 0; repeat < 4; ++repeat) {
      const std::vector<float> row = RandomRow(random, count);
      std::vector<float> sorted = row;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (int64_t k = 1; k <= count; k = k * 2 + 1) {
        EXPECT_EQ(KthLargest(row, k, &scratch), sorted[k - 1]) << count << " " << k;
      }
      EXPECT_EQ(KthLargest(row, count, &scratch), sorted.back());
    }
  }
}

// The worst order for a bound that rises: each value is greater than all before it.
TEST(KthLargestTest, AscendingRow) {
  std::vector<float> row(4096);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(i);
  }
  std::vector<float> scratch;
  EXPECT_EQ(KthLargest(row, 40, &scratch), 4056.0F);
  EXPECT_LE(scratch.capacity(), 1024U);
}

TEST(FindAtLeastTest, EqualsALoop) {
  std::mt19937 random(3);
  std::vector<int32_t> ids;
  for (int64_t count = 0; count < 40; ++count) {
    const std::vector<float> row = RandomRow(random, count);
    for (const float threshold : {-kInfinity, -1.0F, 0.25F, 100.0F}) {
      std::vector<int32_t> expected;
      for (int64_t i = 0; i < count; ++i) {
        if (row[i] >= threshold) {
          expected.push_back(static_cast<int32_t>(i));
        }
      }
      FindAtLeast(row, threshold, &ids);
      EXPECT_EQ(ids, expected);
    }
  }
}

TEST(SumOfTest, SumsExactValues) {
  for (int64_t count = 0; count < 40; ++count) {
    std::vector<float> row(count);
    for (int64_t i = 0; i < count; ++i) {
      row[i] = static_cast<float>(i + 1);
    }
    EXPECT_EQ(SumOf(row), static_cast<double>(count * (count + 1)) / 2);
  }
}

TEST(ShiftAndScaleTest, EveryElement) {
  for (int64_t count = 0; count < 20; ++count) {
    std::vector<float> row(count);
    for (int64_t i = 0; i < count; ++i) {
      row[i] = static_cast<float>(i);
    }
    std::vector<float> output(count);
    ShiftAndScale(row, 8, 0.5F, output.data());
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(output[i], (static_cast<float>(i) - 8) * 0.5F);
    }
  }
}

}  // namespace
}  // namespace firstlight
