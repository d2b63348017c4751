#include "engine/kernels/layer_norm.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

const std::vector<float> kInput = {0.5F, -1.25F, 3.0F, 0.0F, 2.0F, -0.75F, 1.0F};
const std::vector<float> kWeight = {1.0F, 0.5F, -2.0F, 0.25F, 1.5F, 3.0F, -0.5F};
const std::vector<float> kBias = {0.1F, -0.2F, 0.3F, 0.0F, 1.0F, -1.0F, 0.5F};

WeightRows Rows(const std::vector<float>& values) {
  const auto columns = static_cast<int64_t>(values.size());
  return {.data = values.data(),
          .type = WeightType::kF32,
          .rows = 1,
          .columns = columns,
          .row_stride = columns};
}

// Sums of seven terms in another order, and a few roundings of what is of the size of 1.
void ExpectNear(const std::vector<float>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 16 * 0x1p-24 * (1.0 + std::fabs(expected[i]))) << i;
  }
}

std::vector<float> Norm(const WeightRows& bias, float offset, float eps) {
  std::vector<float> output(kInput.size());
  LayerNorm(kInput.data(), static_cast<int64_t>(kInput.size()), Rows(kWeight), bias, offset, eps,
            output.data());
  return output;
}

// Figures are torch's layer_norm in float32.
TEST(LayerNormTest, IsWhatTorchComputes) {
  ExpectNear(Norm(Rows(kBias), 0.0F, 1e-5F),
             {-0.002936773F, -0.881955862F, -3.09691238F, -0.115803838F, 2.46684837F, -4.01089954F,
              0.371329099F});
}

TEST(LayerNormTest, AddsAnOffsetToTheWeight) {
  ExpectNear(Norm(Rows(kBias), 1.0F, 1e-5F),
             {-0.105873547F, -2.24586773F, -1.3984561F, -0.579019189F, 3.44474745F, -5.01453304F,
              0.628670931F});
}

TEST(LayerNormTest, NeedsNoBias) {
  ExpectNear(Norm({}, 0.0F, 0.5F), {-0.0917180702F, -0.607631981F, -3.02669525F, -0.1031828F,
                                    1.30698204F, -2.68275261F, -0.11464753F});
}

TEST(LayerNormTest, InPlaceAndUnaligned) {
  const std::vector<float> expected = Norm(Rows(kBias), 0.0F, 1e-5F);
  std::vector<float> row(kInput.size() + 1);
  std::copy(kInput.begin(), kInput.end(), row.begin() + 1);
  LayerNorm(row.data() + 1, static_cast<int64_t>(kInput.size()), Rows(kWeight), Rows(kBias), 0.0F,
            1e-5F, row.data() + 1);
  EXPECT_EQ(std::vector<float>(row.begin() + 1, row.end()), expected);
}

}  // namespace
}  // namespace firstlight
