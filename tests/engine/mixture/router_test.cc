#include "engine/mixture/router.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

constexpr float kTolerance = 1e-6F;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Routed {
  std::vector<int32_t> experts;
  std::vector<float> weights;
};

Routed Route(const MixtureSpec& spec, const std::vector<float>& logits,
             const std::vector<float>& correction = {}) {
  Routed routed;
  routed.experts.resize(static_cast<size_t>(spec.experts_per_token));
  routed.weights.resize(routed.experts.size());
  Router router(&spec, *SelectKernels(Isa::kReference), correction);
  router.Route(logits, absl::MakeSpan(routed.experts), absl::MakeSpan(routed.weights));
  return routed;
}

MixtureSpec Spec(int64_t experts, int64_t per_token, RoutingSpec routing) {
  MixtureSpec spec;
  spec.num_experts = experts;
  spec.experts_per_token = per_token;
  spec.routing = routing;
  return spec;
}

// softmax, written out in double precision.
std::vector<double> Softmax(const std::vector<float>& logits) {
  double sum = 0;
  std::vector<double> values;
  for (const float logit : logits) sum += std::exp(double{logit});
  values.reserve(logits.size());
  for (const float logit : logits) values.push_back(std::exp(double{logit}) / sum);
  return values;
}

TEST(RouterTest, SoftmaxOverAllChoosesTheGreatestInOrderOfExperts) {
  const std::vector<float> logits = {0.5F, -1.0F, 2.0F, 1.5F};
  const std::vector<double> all = Softmax(logits);
  const Routed routed = Route(Spec(4, 2, {}), logits);
  EXPECT_THAT(routed.experts, ElementsAre(2, 3));
  EXPECT_NEAR(routed.weights[0], all[2], kTolerance);
  EXPECT_NEAR(routed.weights[1], all[3], kTolerance);
}

TEST(RouterTest, NormalizedWeightsAreTheSoftmaxOfTheChosen) {
  const std::vector<float> logits = {0.5F, -1.0F, 2.0F, 1.5F};
  const Routed normalized = Route(Spec(4, 2, {.normalize = true}), logits);
  const Routed chosen = Route(Spec(4, 2, {.score = RouterScore::kSoftmaxOfChosen}), logits);
  EXPECT_EQ(normalized.experts, chosen.experts);
  EXPECT_THAT(normalized.weights, Pointwise(FloatNear(kTolerance), chosen.weights));
  EXPECT_NEAR(chosen.weights[0] + chosen.weights[1], 1.0F, kTolerance);
}

TEST(RouterTest, ASumBelowTheSmallestIsNotDividedBy) {
  const std::vector<float> logits(8, 0.0F);  // two of eight are a quarter
  const Routed routed = Route(Spec(8, 2, {.normalize = true, .smallest_sum = 0.5}), logits);
  EXPECT_THAT(routed.weights, Pointwise(FloatNear(kTolerance), {0.25F, 0.25F}));
}

TEST(RouterTest, TheFactorComesLast) {
  const Routed routed =
      Route(Spec(4, 2, {.normalize = true, .scaling_factor = 2.5}), {1.0F, 1.0F, 0.0F, 0.0F});
  EXPECT_THAT(routed.weights, Pointwise(FloatNear(kTolerance), {1.25F, 1.25F}));
}

TEST(RouterTest, OfEqualScoresTheLowestExpert) {
  for (const RouterScore score : {RouterScore::kSoftmax, RouterScore::kSigmoid,
                                  RouterScore::kSoftmaxOfChosen, RouterScore::kSparseMixer}) {
    EXPECT_THAT(Route(Spec(5, 2, {.score = score}), {1.0F, 3.0F, 3.0F, 3.0F, 1.0F}).experts,
                ElementsAre(1, 2));
  }
}

TEST(RouterTest, TheCorrectionDecidesWhoIsChosenAndNotByHowMuch) {
  const Routed routed =
      Route(Spec(3, 1, {.score = RouterScore::kSigmoid}), {2.0F, 0.0F, -1.0F}, {0.0F, 0.0F, 5.0F});
  EXPECT_THAT(routed.experts, ElementsAre(2));
  EXPECT_NEAR(routed.weights[0], 1.0 / (1.0 + std::exp(1.0)), kTolerance);
}

// Two groups of three. The first has the best expert, the second the best two together.
TEST(RouterTest, GroupsByTheirGreatestOrByTheirTwoGreatest) {
  const std::vector<float> logits = {3.0F, -5.0F, -5.0F, 2.0F, 2.0F, -5.0F};
  RoutingSpec routing = {.score = RouterScore::kSigmoid, .groups = 2, .groups_per_token = 1};
  routing.group_score = GroupScore::kGreatest;
  EXPECT_THAT(Route(Spec(6, 2, routing), logits).experts, ElementsAre(0, 1));
  routing.group_score = GroupScore::kTwoGreatestTogether;
  EXPECT_THAT(Route(Spec(6, 2, routing), logits).experts, ElementsAre(3, 4));
}

// The definition, over scores where the tolerance cuts some off in each round.
TEST(RouterTest, SparseMixerWeighsByWhatIsClose) {
  const std::vector<float> logits = {1.0F, 0.95F, 0.5F, 0.93F};
  const Routed routed =
      Route(Spec(4, 2, {.score = RouterScore::kSparseMixer, .tolerance = 0.03}), logits);
  EXPECT_THAT(routed.experts, ElementsAre(0, 1));
  // First round: within 6% of 1.0 is 0.95; second, of 0.95, is 0.93.
  EXPECT_NEAR(routed.weights[0], 1.0 / (1.0 + std::exp(-0.05)), kTolerance);
  EXPECT_NEAR(routed.weights[1], 1.0 / (1.0 + std::exp(-0.02)), kTolerance);
}

TEST(RouterTest, WhateverTheLogitsAreExpertsAreDistinctAndInRange) {
  for (const RouterScore score : {RouterScore::kSoftmax, RouterScore::kSigmoid,
                                  RouterScore::kSoftmaxOfChosen, RouterScore::kSparseMixer}) {
    for (const int64_t groups : {1, 2}) {
      const MixtureSpec spec =
          Spec(4, 2, {.score = score, .normalize = true, .groups = groups, .groups_per_token = 1});
      for (const std::vector<float>& logits : {std::vector<float>{kNan, kNan, kNan, kNan},
                                               {0.0F, kNan, 1.0F, 2.0F},
                                               {kInfinity, kInfinity, -kInfinity, 0.0F},
                                               {-kInfinity, -kInfinity, -kInfinity, -kInfinity},
                                               {-200.0F, -200.0F, -200.0F, 0.0F}}) {
        const Routed routed = Route(spec, logits);
        EXPECT_GE(routed.experts[0], 0);
        EXPECT_LT(routed.experts[0], routed.experts[1]);
        EXPECT_LT(routed.experts[1], 4);
      }
    }
  }
}

}  // namespace
}  // namespace firstlight
