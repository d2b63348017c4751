#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "tests/engine/sampling/sampler_golden.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

void ExpOfRow(const float* input, int64_t count, float* output) {
  std::transform(input, input + count, output, [](float value) { return std::exp(value); });
}

TokenCounts CountsOf(const SamplerGolden& golden) {
  TokenCounts counts;
  counts.AddPrompt(golden.prompt);
  for (const int32_t id : golden.generated) {
    counts.AddGenerated(id);
  }
  return counts;
}

TEST(SamplerGoldenTest, DistributionsAreThoseOfTransformers) {
  const std::vector<SamplerGolden> goldens = ReadSamplerGoldens();
  ASSERT_GE(goldens.size(), 36U);
  SamplerScratch scratch(ExpOfRow);
  for (const SamplerGolden& golden : goldens) {
    SCOPED_TRACE(golden.name);
    ASSERT_EQ(golden.logits.size(), golden.probabilities.size());
    const TokenCounts counts = CountsOf(golden);
    std::vector<int32_t> tokens = golden.prompt;
    tokens.insert(tokens.end(), golden.generated.begin(), golden.generated.end());
    const absl::Status status = ComputeDistribution(
        golden.parameters, golden.logits,
        {.processors = {.counts = &counts, .tokens = tokens, .suppressed = golden.suppressed}},
        &scratch);
    ASSERT_TRUE(status.ok()) << status;
    std::vector<double> found(golden.logits.size());
    for (const Candidate& candidate : scratch.candidates) {
      found[candidate.id] = candidate.weight / TotalWeight(scratch.candidates);
    }
    for (size_t id = 0; id < found.size(); ++id) {
      // Both sides round in float32: an ulp of 1 is 1.2e-7, and a few of them add up.
      EXPECT_NEAR(found[id], golden.probabilities[id], 1e-6) << "id " << id;
      EXPECT_EQ(found[id] > 0, golden.probabilities[id] > 0) << "id " << id;
    }
  }
}

// 61 tokens are few enough to sort at once; these are halved many times first.
TEST(SamplerTest, LargeVocabularyEqualsFullSort) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(40'000);
  for (float& logit : logits) {
    logit = normal(random);
  }
  SamplerScratch scratch(ExpOfRow);
  for (const double top_p : {0.3, 0.9, 0.999}) {
    const SamplingParameters parameters{.temperature = 1.25, .top_p = top_p};
    ASSERT_TRUE(ComputeDistribution(parameters, logits, {}, &scratch).ok());

    std::vector<double> weights;
    double total = 0;
    for (const float logit : logits) {
      weights.push_back(std::exp((double{logit} - 12) / 1.25));
      total += weights.back();
    }
    std::sort(weights.rbegin(), weights.rend());
    size_t expected = 0;
    for (double sum = 0; sum < top_p * total; ++expected) {
      sum += weights[expected];
    }
    // float32 rounding of the weights may move the cut by a token of 1 / 40,000 or so.
    EXPECT_NEAR(static_cast<double>(scratch.candidates.size()), static_cast<double>(expected), 2);
    EXPECT_GT(expected, 64U);  // more than what is sorted at once
  }
}

TEST(SamplerTest, GreedyTakesTheLowestIdAmongEquals) {
  std::vector<float> logits(100, -1.0F);
  logits[41] = logits[97] = logits[42] = 2.5F;
  SamplerScratch scratch(ExpOfRow);
  const SamplingParameters greedy;
  EXPECT_EQ(*SampleToken(greedy, logits, {}, &scratch), 41);
  const std::vector<int32_t> suppressed = {41};
  EXPECT_EQ(*SampleToken(greedy, logits, {.processors = {.suppressed = suppressed}}, &scratch), 42);
}

TEST(SamplerTest, TemperatureNearZeroIsGreedy) {
  std::vector<float> logits(100, -30.0F);
  logits[17] = 30.0F;
  logits[18] = 29.999F;
  SamplerScratch scratch(ExpOfRow);
  for (const double temperature : {1e-300, 1e-30, 1e-6}) {
    EXPECT_EQ(*SampleToken({.temperature = temperature}, logits, {}, &scratch), 17);
  }
}

TEST(SamplerTest, NanAndInfinityAreErrors) {
  SamplerScratch scratch(ExpOfRow);
  for (const double temperature : {0.0, 1.0}) {
    std::vector<float> logits(33, 1.0F);
    logits[32] = std::numeric_limits<float>::quiet_NaN();
    const absl::Status nan =
        SampleToken({.temperature = temperature}, logits, {.token_index = 7}, &scratch).status();
    EXPECT_EQ(nan.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(nan.message()), HasSubstr("nan for id 32"));
    logits[32] = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(SampleToken({.temperature = temperature}, logits, {}, &scratch).ok());
    const std::vector<float> one(1, 1.0F);
    const std::vector<int32_t> suppressed = {0};
    EXPECT_THAT(std::string(SampleToken({.temperature = temperature}, one,
                                        {.processors = {.suppressed = suppressed}}, &scratch)
                                .status()
                                .message()),
                HasSubstr("every one of 1 ids is ruled out"));
  }
}

TEST(SamplerTest, SaysWhichOptionsLeaveNoToken) {
  SamplerScratch scratch(ExpOfRow);
  const std::vector<float> logits(8, 1.0F);
  const std::vector<int32_t> tokens = {1, 6};
  const SamplingContext context{.processors = {.tokens = tokens}, .token_index = 3};
  for (const double temperature : {0.0, 1.0}) {
    const SamplingParameters parameters{
        .temperature = temperature, .bad_words = {{6, 2}, {4}}, .allowed_token_ids = {2, 4}};
    const absl::Status none = SampleToken(parameters, logits, context, &scratch).status();
    EXPECT_EQ(none.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(none.message()), HasSubstr("sampling.allowed_token_ids"));
    EXPECT_THAT(std::string(none.message()), HasSubstr("found none for token 3"));
    // Elsewhere in the text the word of two tokens may begin, and its last may come alone.
    EXPECT_EQ(*SampleToken(parameters, logits, {}, &scratch), 2);
  }
}

TEST(SamplerTest, ADrawDependsOnSeedSequenceAndTokenOnly) {
  const std::vector<float> logits(5000, 0.0F);
  SamplerScratch scratch(ExpOfRow);
  SamplerScratch other_scratch(ExpOfRow);
  const SamplingParameters parameters{.temperature = 1, .seed = 5};
  const auto draw = [&](SamplerScratch* with, uint64_t sequence, uint64_t token) {
    return *SampleToken(parameters, logits, {.sequence_index = sequence, .token_index = token},
                        with);
  };
  const int32_t first = draw(&scratch, 0, 0);
  EXPECT_NE(first, draw(&scratch, 0, 1));
  EXPECT_NE(first, draw(&scratch, 1, 0));
  EXPECT_EQ(first, draw(&other_scratch, 0, 0));
}

// Pearson's chi-square of 20,000 draws with a fixed seed against the distribution itself. With 15
// degrees of freedom a value over 37.7 has probability 0.001; a fixed seed makes it pass or fail
// for good.
TEST(SamplerTest, DrawsFollowTheDistribution) {
  constexpr int kDraws = 20'000;
  std::vector<float> logits(300, -200.0F);
  for (int id = 0; id < 16; ++id) {
    logits[id * 17] = 0.15F * static_cast<float>(id);
  }
  SamplerScratch scratch(ExpOfRow);
  for (const int64_t top_k : {0, 16}) {
    const SamplingParameters parameters{.temperature = 1, .top_k = top_k, .seed = 99};
    std::vector<int> counts(logits.size());
    for (int i = 0; i < kDraws; ++i) {
      ++counts[*SampleToken(parameters, logits, {.token_index = static_cast<uint64_t>(i)},
                            &scratch)];
    }
    double total = 0;
    for (int id = 0; id < 16; ++id) {
      total += std::exp(0.15 * id);
    }
    double chi_square = 0;
    for (int id = 0; id < 16; ++id) {
      const double expected = kDraws * std::exp(0.15 * id) / total;
      const double difference = counts[id * 17] - expected;
      chi_square += difference * difference / expected;
    }
    EXPECT_LT(chi_square, 37.7);
    EXPECT_GT(chi_square, 3.5);  // as improbable on the other side: draws too even to be draws
  }
}

}  // namespace
}  // namespace firstlight
