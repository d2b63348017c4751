#include "engine/decoder/rope.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

constexpr int64_t kHeadDim = 8;

// theta^(-2 i / head_dim) in double.
double Unscaled(double theta, int64_t pair) {
  return std::pow(theta, -2.0 * static_cast<double>(pair) / kHeadDim);
}

// A few roundings to float32.
void ExpectNear(double found, double expected) {
  EXPECT_NEAR(found, expected, std::abs(expected) * 8 * 0x1p-24);
}

TEST(RopeTest, DefaultFrequenciesArePowersOfTheta) {
  const RopeTable rope = ComputeRopeTable({.theta = 10000.0, .rotary_dim = kHeadDim}, 5);
  ASSERT_EQ(rope.inverse_frequencies.size(), 4U);
  for (int64_t pair = 0; pair < 4; ++pair) {
    ExpectNear(rope.inverse_frequencies[pair], Unscaled(10000.0, pair));
  }
}

TEST(RopeTest, LinearScalingDividesByTheFactor) {
  const RopeTable rope =
      ComputeRopeTable({.type = RopeType::kLinear, .rotary_dim = kHeadDim, .factor = 4.0}, 5);
  for (int64_t pair = 0; pair < 4; ++pair) {
    ExpectNear(rope.inverse_frequencies[pair], Unscaled(10000.0, pair) / 4.0);
  }
}

TEST(RopeTest, DynamicScalingFollowsThePromptBeyondTheTrainedPositions) {
  const RopeSpec spec = {
      .type = RopeType::kDynamic, .rotary_dim = kHeadDim, .factor = 3.0, .trained_positions = 100};
  const auto unscaled = ComputeRopeTable({.rotary_dim = kHeadDim}, 1).inverse_frequencies;
  EXPECT_EQ(ComputeRopeTable(spec, 1).inverse_frequencies, unscaled);
  EXPECT_EQ(ComputeRopeTable(spec, 100).inverse_frequencies, unscaled);
  const double theta = 10000.0 * std::pow(3.0 * 150 / 100 - 2.0, 8.0 / 6.0);
  const RopeTable stretched = ComputeRopeTable(spec, 150);
  for (int64_t pair = 0; pair < 4; ++pair) {
    ExpectNear(stretched.inverse_frequencies[pair], Unscaled(theta, pair));
  }
}

TEST(RopeTest, Llama3ScalingKeepsShortWavesAndStretchesLongOnes) {
  // Wavelengths are 6.3, 63, 628 and 6283 positions; those from 20 to 80 blend.
  const RopeSpec spec = {.type = RopeType::kLlama3,
                         .theta = 10000.0,
                         .rotary_dim = kHeadDim,
                         .factor = 8.0,
                         .low_freq_factor = 1.0,
                         .high_freq_factor = 4.0,
                         .trained_positions = 80};
  const RopeTable rope = ComputeRopeTable(spec, 5);
  ExpectNear(rope.inverse_frequencies[0], 1.0);
  const double wavelength = 2.0 * std::numbers::pi / 0.1;
  const double smooth = (80.0 / wavelength - 1.0) / 3.0;
  ExpectNear(rope.inverse_frequencies[1], (1.0 - smooth) * 0.1 / 8.0 + smooth * 0.1);
  ExpectNear(rope.inverse_frequencies[2], 0.01 / 8.0);
  ExpectNear(rope.inverse_frequencies[3], 0.001 / 8.0);
}

// Figures of transformers 5.23 (modeling_rope_utils.py) in float32, for heads of 16.
void ExpectFrequencies(const RopeTable& rope, const std::vector<float>& expected) {
  ASSERT_EQ(rope.inverse_frequencies.size(), expected.size());
  for (size_t pair = 0; pair < expected.size(); ++pair) {
    ExpectNear(rope.inverse_frequencies[pair], expected[pair]);
  }
}

TEST(RopeTest, YarnIsWhatTransformersComputes) {
  RopeSpec spec = {.type = RopeType::kYarn,
                   .theta = 10000.0,
                   .rotary_dim = 16,
                   .factor = 4.0,
                   .trained_positions = 4096,
                   .attention_factor = 1.138629436111989};
  const RopeTable truncated = ComputeRopeTable(spec, 5);
  ExpectFrequencies(truncated, {1.0F, 0.316227764F, 0.100000001F, 0.025693506F, 0.00624999963F,
                                0.00138349656F, 0.000250000012F, 7.90569466e-05F});
  EXPECT_FLOAT_EQ(truncated.attention_factor, 1.13862944F);
  spec.factor = 8.0;
  spec.beta_fast = 8.0;
  spec.beta_slow = 2.0;
  spec.trained_positions = 256;
  spec.truncate = false;
  ExpectFrequencies(ComputeRopeTable(spec, 5),
                    {1.0F, 0.316227764F, 0.0574126914F, 0.00395284733F, 0.00124999997F,
                     0.000395284733F, 0.000125000006F, 3.95284733e-05F});
}

TEST(RopeTest, LongropeGoesByThePromptsLength) {
  const RopeSpec spec = {.type = RopeType::kLongrope,
                         .theta = 10000.0,
                         .rotary_dim = 16,
                         .trained_positions = 64,
                         .short_factor = {1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0},
                         .long_factor = {1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0}};
  ExpectFrequencies(ComputeRopeTable(spec, 64),
                    {1.0F, 0.301169306F, 0.0909090936F, 0.0263523124F, 0.0076923077F,
                     0.00210818532F, 0.000571428565F, 0.000158113893F});
  ExpectFrequencies(ComputeRopeTable(spec, 65),
                    {1.0F, 0.210818499F, 0.0500000007F, 0.00790569466F, 0.00124999997F,
                     0.000197642366F, 4.16666662e-05F, 9.88211832e-06F});
}

TEST(RopeTest, OfAProportionTheOtherPairsStandStill) {
  const RopeSpec spec = {.type = RopeType::kProportional,
                         .theta = 10000.0,
                         .rotary_dim = 16,
                         .factor = 2.0,
                         .turning_pairs = 3};
  ExpectFrequencies(ComputeRopeTable(spec, 5),
                    {0.5F, 0.158113882F, 0.0500000007F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F});
}

}  // namespace
}  // namespace firstlight
