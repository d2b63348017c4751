#include "engine/kernels/activation.h"

#include <cmath>
#include <vector>

#include "engine/kernels/kernels.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

const std::vector<float> kInput = {-6.0F,  -2.5F, -1.0F, -0.25F, 0.0F,
                                   0.125F, 0.75F, 1.5F,  3.0F,   8.0F};

struct Case {
  Activation activation;
  // Of transformers 5.23 (activations.py, ACT2FN) in float32.
  std::vector<float> expected;
};

const Case kCases[] = {
    {Activation::kSilu,
     {-0.0148357386F, -0.189645454F, -0.268941432F, -0.109455876F, 0.0F, 0.0664011762F,
      0.509384036F, 1.22636163F, 2.85772252F, 7.99731731F}},
    {Activation::kGelu,
     {0.0F, -0.0155241787F, -0.158655256F, -0.100323416F, 0.0F, 0.0687172785F, 0.580029488F,
      1.39978909F, 2.99594975F, 8.0F}},
    {Activation::kGeluTanh,
     {0.0F, -0.0150842965F, -0.158807993F, -0.100324646F, 0.0F, 0.0687171966F, 0.579960585F,
      1.39957154F, 2.99636269F, 8.0F}},
    {Activation::kQuickGelu,
     {-0.00022035357F, -0.0349861607F, -0.154204234F, -0.0988003463F, 0.0F, 0.0691234767F,
      0.586390018F, 1.39166224F, 2.98192883F, 7.99999046F}},
    {Activation::kRelu, {0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.125F, 0.75F, 1.5F, 3.0F, 8.0F}},
    {Activation::kReluSquared,
     {0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.015625F, 0.5625F, 2.25F, 9.0F, 64.0F}},
    {Activation::kXielu,
     {2.40074205F, 0.533344626F, -0.032987088F, -0.0669742674F, -0.109241165F, 0.0640869141F,
      0.900878906F, 3.04101562F, 11.0390625F, 73.5F}},
};

// Of alpha_p 0.7, alpha_n -0.3, in bfloat16 as its module has them.
constexpr XieluParameters kXielu = {
    .alpha_positive = 1.1015625F, .alpha_negative = 0.9296875F, .beta = 0.375F, .eps = -0.125F};

// An exponential that is off by two units in the last place, and a few roundings of what it is
// added to, none of which is larger than the input by much.
double Tolerance(float input, float expected) {
  return 8 * 0x1p-24 * (1.0 + std::fabs(input) + std::fabs(expected));
}

TEST(ActivationTest, IsWhatTransformersComputes) {
  for (const Isa isa : {Isa::kReference, Isa::kAuto}) {
    const auto kernels = SelectKernels(isa);
    ASSERT_TRUE(kernels.ok());
    for (const Case& c : kCases) {
      std::vector<float> row = kInput;
      Activate(c.activation, kXielu, **kernels, nullptr, static_cast<int64_t>(row.size()),
               row.data());
      for (size_t i = 0; i < row.size(); ++i) {
        EXPECT_NEAR(row[i], c.expected[i], Tolerance(kInput[i], c.expected[i]))
            << "activation " << static_cast<int>(c.activation) << " of " << kInput[i];
      }
    }
  }
}

TEST(ActivationTest, MultipliesByTheFactor) {
  const auto kernels = SelectKernels(Isa::kAuto);
  ASSERT_TRUE(kernels.ok());
  for (const Case& c : kCases) {
    std::vector<float> plain = kInput;
    std::vector<float> gated = kInput;
    std::vector<float> factor(kInput.size());
    for (size_t i = 0; i < factor.size(); ++i) factor[i] = 0.5F - static_cast<float>(i);
    const auto count = static_cast<int64_t>(kInput.size());
    Activate(c.activation, kXielu, **kernels, nullptr, count, plain.data());
    Activate(c.activation, kXielu, **kernels, factor.data(), count, gated.data());
    for (size_t i = 0; i < plain.size(); ++i) {
      const float product = plain[i] * factor[i];
      EXPECT_NEAR(gated[i], product, 4 * 0x1p-24 * std::fabs(product));
    }
  }
}

TEST(ScaleAndCapTest, IsATanhOfTheScaled) {
  const auto kernels = SelectKernels(Isa::kAuto);
  ASSERT_TRUE(kernels.ok());
  std::vector<float> capped = kInput;
  std::vector<float> scaled = kInput;
  const auto count = static_cast<int64_t>(kInput.size());
  ScaleAndCap(1.5F, 2.0F, **kernels, count, capped.data());
  ScaleAndCap(1.5F, 0.0F, **kernels, count, scaled.data());
  for (size_t i = 0; i < kInput.size(); ++i) {
    EXPECT_EQ(scaled[i], 1.5F * kInput[i]);
    EXPECT_NEAR(capped[i], 2.0 * std::tanh(1.5 * kInput[i] / 2.0), 16 * 0x1p-24);
  }
}

}  // namespace
}  // namespace firstlight
