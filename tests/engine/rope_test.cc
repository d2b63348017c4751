#include "engine/rope.h"

#include <cmath>
#include <numbers>

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

}  // namespace
}  // namespace firstlight
