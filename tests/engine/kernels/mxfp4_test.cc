#include "engine/kernels/mxfp4.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/kernels/product.h"
#include "gtest/gtest.h"
#include "tests/engine/kernels/random_data.h"

namespace firstlight {
namespace {

// The format's own definition: sign, exponent with bias 1, one bit of mantissa; a subnormal half.
double Element(int bits) {
  const int exponent = (bits >> 1) & 3;
  const int mantissa = bits & 1;
  const double magnitude =
      exponent == 0 ? 0.5 * mantissa : std::ldexp(1.0 + 0.5 * mantissa, exponent - 1);
  return (bits & 8) != 0 ? -magnitude : magnitude;
}

// Blocks and scales at random, and what they stand for as float32. Both are misaligned and have
// gaps between their rows, filled with what would show.
class Mxfp4Weight {
 public:
  Mxfp4Weight(std::mt19937& random, int64_t rows, int64_t columns, int64_t gap_blocks)
      : widened_(rows * columns) {
    const int64_t blocks = columns / kMxfp4BlockElements;
    const int64_t stride = blocks + gap_blocks;
    blocks_.assign(1 + rows * stride * kMxfp4BlockBytes, 0x77);
    scales_.assign(1 + rows * stride, 0xFF);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t at = row * stride + block;
        const auto scale = static_cast<uint8_t>(110 + random() % 20);
        scales_[1 + at] = scale;
        for (int64_t i = 0; i < kMxfp4BlockBytes; ++i) {
          const auto byte = static_cast<uint8_t>(random());
          blocks_[1 + at * kMxfp4BlockBytes + i] = byte;
          float* const two = &widened_[row * columns + block * kMxfp4BlockElements + 2 * i];
          two[0] = static_cast<float>(std::ldexp(Element(byte & 15), scale - 127));
          two[1] = static_cast<float>(std::ldexp(Element(byte >> 4), scale - 127));
        }
      }
    }
    rows_ = {.data = &blocks_[1],
             .type = WeightType::kMxfp4,
             .rows = rows,
             .columns = columns,
             .row_stride = stride * kMxfp4BlockElements,
             .scales = &scales_[1],
             .scale_stride = stride};
    widened_rows_ = {.data = widened_.data(),
                     .type = WeightType::kF32,
                     .rows = rows,
                     .columns = columns,
                     .row_stride = columns};
  }
  const WeightRows& rows() const { return rows_; }
  const WeightRows& widened() const { return widened_rows_; }

 private:
  std::vector<uint8_t> blocks_;
  std::vector<uint8_t> scales_;
  std::vector<float> widened_;
  WeightRows rows_;
  WeightRows widened_rows_;
};

std::vector<float> Multiply(const Kernels& kernels, const std::vector<float>& input, int64_t tokens,
                            const WeightRows& weight, int64_t chunk) {
  AlignedFloats packed(PackedActivationFloats(tokens, weight.columns));
  AlignedFloats scratch(kProductScratchFloats);
  PackActivations(input.data(), weight.columns, tokens, weight.columns, 0, tokens, packed.data());
  std::vector<float> output(tokens * weight.rows, -12345.0F);
  const ProductArgs args = {.packed = packed.data(),
                            .tokens = tokens,
                            .weight = weight,
                            .output = output.data(),
                            .output_stride = weight.rows};
  for (int64_t begin = 0; begin < weight.rows; begin += chunk) {
    kernels.product(args, begin, std::min(begin + chunk, weight.rows), scratch.data());
  }
  return output;
}

std::vector<const Kernels*> AllKernels() {
  std::vector<const Kernels*> kernels = VectorKernels();
  kernels.push_back(&ReferenceKernels());
  return kernels;
}

// Decoding is exact, so a product is that of the decoded weight as float32, to the bit.
void ExpectAsDecoded(const Mxfp4Weight& weight, const std::vector<float>& input, int64_t tokens,
                     int64_t chunk) {
  const std::vector<float> expected =
      Multiply(ReferenceKernels(), input, tokens, weight.widened(), weight.widened().rows);
  for (const Kernels* kernels : AllKernels()) {
    const std::vector<float> found = Multiply(*kernels, input, tokens, weight.rows(), chunk);
    ASSERT_EQ(expected.size(), found.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_TRUE(SameBits(expected[i], found[i]))
          << IsaName(kernels->isa) << ", " << tokens << " tokens, " << weight.rows().columns
          << " columns, at " << i << ": expected " << expected[i] << ", found " << found[i];
    }
  }
}

TEST(Mxfp4Test, TablesAreTheFormats) {
  for (int bits = 0; bits < 16; ++bits) {
    EXPECT_TRUE(SameBits(kE2m1[bits], static_cast<float>(Element(bits)))) << bits;
  }
  for (int scale = 0; scale < 255; ++scale) {
    EXPECT_EQ(double{kE8m0.values[scale]}, std::ldexp(1.0, scale - 127)) << scale;
  }
  EXPECT_TRUE(std::isnan(kE8m0.values[255]));
}

TEST(Mxfp4Test, EveryElementUnderEveryScale) {
  const std::vector<float> input(kMxfp4BlockElements, 1.0F);
  for (int scale = 0; scale < 256; ++scale) {
    for (int bits = 0; bits < 16; ++bits) {
      // One element in each place of a block of zeros: the sum is the element.
      for (const int64_t place : {0, 1, 15, 16, 31}) {
        std::vector<uint8_t> block(kMxfp4BlockBytes, 0);
        block[place / 2] = static_cast<uint8_t>(place % 2 == 0 ? bits : bits << 4);
        const auto scale_byte = static_cast<uint8_t>(scale);
        const WeightRows weight = {.data = block.data(),
                                   .type = WeightType::kMxfp4,
                                   .rows = 1,
                                   .columns = kMxfp4BlockElements,
                                   .row_stride = kMxfp4BlockElements,
                                   .scales = &scale_byte,
                                   .scale_stride = 1};
        const auto expected = static_cast<float>(std::ldexp(Element(bits), scale - 127));
        for (const Kernels* kernels : AllKernels()) {
          const float found = Multiply(*kernels, input, 1, weight, 1)[0];
          if (scale == 255) {
            ASSERT_TRUE(std::isnan(found)) << bits;
          } else {
            ASSERT_EQ(found, expected) << IsaName(kernels->isa) << ": " << bits << ", " << scale;
          }
        }
      }
    }
  }
}

TEST(Mxfp4Test, EveryNumberOfTokens) {
  std::mt19937 random(1);
  const int64_t columns = 17 * kMxfp4BlockElements;  // a column block and a block
  const Mxfp4Weight weight(random, 29, columns, 3);
  for (int64_t tokens = 1; tokens <= 70; ++tokens) {
    ExpectAsDecoded(weight, RandomFloats(random, tokens * columns), tokens, 29);
  }
}

TEST(Mxfp4Test, EveryLengthOfARow) {
  std::mt19937 random(2);
  for (int64_t blocks = 1; blocks <= 40; ++blocks) {
    const int64_t columns = blocks * kMxfp4BlockElements;
    const Mxfp4Weight weight(random, 8, columns, blocks % 3);
    for (const int64_t tokens : {1, 3, 6}) {
      ExpectAsDecoded(weight, RandomFloats(random, tokens * columns), tokens, 8);
    }
  }
}

// One token and long rows, which a tile takes side by side, and every split of them.
TEST(Mxfp4Test, EverySplitOfTheRows) {
  std::mt19937 random(3);
  const int64_t columns = 512 * kMxfp4BlockElements;
  const Mxfp4Weight weight(random, 14, columns, 1);
  const std::vector<float> input = RandomFloats(random, columns);
  for (int64_t chunk = 1; chunk <= 14; ++chunk) ExpectAsDecoded(weight, input, 1, chunk);
}

}  // namespace
}  // namespace firstlight
