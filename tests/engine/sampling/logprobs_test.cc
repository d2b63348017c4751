#include "engine/sampling/logprobs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

void ExpOfRow(const float* input, int64_t count, float* output) {
  std::transform(input, input + count, output, [](float value) { return std::exp(value); });
}

TEST(LogprobsTest, LogSoftmaxAndTheBest) {
  std::vector<float> logits(1000);
  double sum = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    logits[id] = std::sin(static_cast<float>(id) * 0.7F) * 9;
  }
  logits[500] = logits[20] = 11;
  for (const float logit : logits) {
    sum += std::exp(double{logit});
  }
  SamplerScratch scratch(ExpOfRow);
  const Logprobs logprobs = ComputeLogprobs(logits, 3, 20, &scratch);
  // Weights are float32: each is off by an ulp, and so is the logarithm of their sum.
  EXPECT_NEAR(logprobs.chosen, logits[3] - std::log(sum), 1e-6);
  ASSERT_EQ(logprobs.top.size(), 20U);
  EXPECT_EQ(logprobs.top[0].first, 20);
  EXPECT_EQ(logprobs.top[1].first, 500);
  EXPECT_NEAR(logprobs.top[0].second, 11 - std::log(sum), 1e-6);
  std::vector<float> sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  for (size_t i = 0; i < logprobs.top.size(); ++i) {
    EXPECT_EQ(logits[logprobs.top[i].first], sorted[i]);
  }
}

TEST(LogprobsTest, CertainTokenHasProbabilityOne) {
  std::vector<float> logits(10, -1000.0F);
  logits[4] = 80;
  SamplerScratch scratch(ExpOfRow);
  const Logprobs logprobs = ComputeLogprobs(logits, 4, 0, &scratch);
  EXPECT_EQ(logprobs.chosen, 0.0);
  EXPECT_TRUE(logprobs.top.empty());
  EXPECT_EQ(ComputeLogprobs(logits, 0, 0, &scratch).chosen, -1080.0);
}

TEST(LogprobsTest, FewerIdsThanAskedFor) {
  const std::vector<float> logits = {1, 3, 2};
  SamplerScratch scratch(ExpOfRow);
  const Logprobs logprobs = ComputeLogprobs(logits, 0, 20, &scratch);
  ASSERT_EQ(logprobs.top.size(), 3U);
  EXPECT_EQ(logprobs.top[0].first, 1);
  EXPECT_EQ(logprobs.top[2].first, 0);
}

}  // namespace
}  // namespace firstlight
