#include "engine/recurrent/convolution.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// Channels that fill a tile, some of another, and some that other workers have.
constexpr int64_t kChannels = 37;
constexpr int64_t kRows = 9;

std::vector<float> Random(std::mt19937& generator, int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

WeightRows Rows(const std::vector<float>& values, int64_t columns) {
  return {.data = values.data(),
          .type = WeightType::kF32,
          .rows = static_cast<int64_t>(values.size()) / columns,
          .columns = columns,
          .row_stride = columns};
}

class ConvolutionTest : public testing::TestWithParam<int64_t> {
 protected:
  const int64_t kernel_ = GetParam();
  std::mt19937 generator_{5};
  std::vector<float> weight_ = Random(generator_, kChannels* kernel_);
  std::vector<float> bias_ = Random(generator_, kChannels);
  std::vector<float> input_ = Random(generator_, kRows* kChannels);
  const Kernels& kernels_ = **SelectKernels(Isa::kAuto);

  // Over the rows in pieces of those lengths; the state is what is left in the end.
  std::vector<float> Run(const std::vector<int64_t>& pieces, std::vector<float>* state) {
    std::vector<float> output(input_.size());
    // What is in it before the first row does not count.
    state->assign(static_cast<size_t>((kernel_ - 1) * kChannels), std::nanf(""));
    int64_t row = 0;
    for (const int64_t rows : pieces) {
      const ConvolutionArgs args = {.weight = Rows(weight_, kernel_),
                                    .bias = Rows(bias_, kChannels),
                                    .input = input_.data() + row * kChannels,
                                    .input_stride = kChannels,
                                    .output = output.data() + row * kChannels,
                                    .output_stride = kChannels,
                                    .rows = rows,
                                    .state = state->data(),
                                    .begins = row == 0};
      Convolve(args, kernels_, 0, 20);
      Convolve(args, kernels_, 20, kChannels);
      row += rows;
    }
    return output;
  }
};

TEST_P(ConvolutionTest, IsTheSumOverTheLastPositions) {
  std::vector<float> state;
  const std::vector<float> output = Run({kRows}, &state);
  for (int64_t t = 0; t < kRows; ++t) {
    for (int64_t c = 0; c < kChannels; ++c) {
      double sum = bias_[static_cast<size_t>(c)];
      double magnitude = std::fabs(sum);
      for (int64_t k = 0; k < kernel_; ++k) {
        const int64_t row = t - kernel_ + 1 + k;
        if (row < 0) continue;
        const double term = double{weight_[static_cast<size_t>(c * kernel_ + k)]} *
                            double{input_[static_cast<size_t>(row * kChannels + c)]};
        sum += term;
        magnitude += std::fabs(term);
      }
      // A rounding for each fused multiply-add and one for the bias, of a partial sum each.
      const double tolerance = static_cast<double>(kernel_ + 1) * 0x1p-24 * magnitude;
      EXPECT_NEAR(output[static_cast<size_t>(t * kChannels + c)], sum, tolerance) << t << " " << c;
    }
  }
  for (int64_t i = 0; i < kernel_ - 1; ++i) {
    for (int64_t c = 0; c < kChannels; ++c) {
      const int64_t row = kRows - kernel_ + 1 + i;
      EXPECT_EQ(state[static_cast<size_t>(i * kChannels + c)],
                row < 0 ? 0.0F : input_[static_cast<size_t>(row * kChannels + c)]);
    }
  }
}

TEST_P(ConvolutionTest, DoesNotDependOnHowTheRowsAreCut) {
  std::vector<float> whole_state;
  const std::vector<float> whole = Run({kRows}, &whole_state);
  for (const std::vector<int64_t>& pieces :
       {std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 8}, {2, 3, 4}, {8, 1}, {5, 1, 1, 2}}) {
    std::vector<float> state;
    const std::vector<float> output = Run(pieces, &state);
    EXPECT_EQ(std::memcmp(output.data(), whole.data(), whole.size() * sizeof(float)), 0);
    EXPECT_EQ(state, whole_state);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, ConvolutionTest, testing::Values(1, 2, 4, 7, 16));

}  // namespace
}  // namespace firstlight
