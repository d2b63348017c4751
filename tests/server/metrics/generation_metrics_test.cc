#include "server/metrics/generation_metrics.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/metrics.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

DeltaEvent Delta(int tokens, bool waited = false, int64_t index = 0) {
  DeltaEvent event;
  event.index = index;
  event.waited_for_weights = waited;
  event.tokens.resize(tokens);
  return event;
}

FirstTokenEvent FirstToken(ResidencyClass residency) {
  FirstTokenEvent event;
  event.queue = absl::Milliseconds(500);
  event.residency.residency = residency;
  return event;
}

class GenerationMetricsTest : public ::testing::Test {
 protected:
  GenerationMetricsTest() { registry_.AddModel("m"); }

  GenerationMetrics Begin() { return {registry_.ForModel("m"), arrival_}; }
  absl::Time At(double seconds) const { return arrival_ + absl::Seconds(seconds); }

  void ExpectHistogram(const std::string& family, const std::string& labels, int count,
                       double sum) {
    const std::string scrape = registry_.Render();
    const std::string of = absl::StrCat("{model=\"m\",", labels, "} ");
    EXPECT_THAT(scrape, HasSubstr(absl::StrCat("firstlight_", family, "_count", of, count, "\n")));
    EXPECT_THAT(scrape, HasSubstr(absl::StrCat("firstlight_", family, "_sum", of, sum, "\n")));
  }

  const absl::Time arrival_ = absl::UnixEpoch();
  Metrics registry_{Metrics::Options{}};
};

TEST_F(GenerationMetricsTest, AFirstTokenCountsUnderWhatTheRequestPaid) {
  GenerationMetrics cold = Begin();
  cold.OnFirstToken(FirstToken(ResidencyClass::kCold), At(4));
  GenerationMetrics warm = Begin();
  warm.OnFirstToken(FirstToken(ResidencyClass::kWarm), At(1));
  ExpectHistogram("time_to_first_token_seconds", "residency=\"cold\"", 1, 4);
  ExpectHistogram("time_to_first_token_seconds", "residency=\"mapped\"", 0, 0);
  ExpectHistogram("time_to_first_token_seconds", "residency=\"warm\"", 1, 1);
  ExpectHistogram("queue_seconds", "residency=\"cold\"", 1, 0.5);
  EXPECT_EQ(cold.time_to_first_token(), absl::Seconds(4));
  EXPECT_EQ(cold.queue(), absl::Milliseconds(500));
  EXPECT_EQ(cold.residency(), ResidencyClass::kCold);
}

TEST_F(GenerationMetricsTest, GapsCountByWhetherAStepInThemWaited) {
  GenerationMetrics request = Begin();
  request.OnFirstToken(FirstToken(ResidencyClass::kCold), At(4));
  request.OnDelta(Delta(1, /*waited=*/true), At(4), false);  // no gap before the first
  request.OnDelta(Delta(1, /*waited=*/true), At(6), false);
  request.OnDelta(Delta(1), At(6.5), false);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"first_pass\",residency=\"cold\"", 1, 2);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"steady\",residency=\"cold\"", 1, 0.5);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"steady\",residency=\"warm\"", 0, 0);
  EXPECT_EQ(request.generated_tokens(), 3);
}

TEST_F(GenerationMetricsTest, TokensOfOneDeltaShareItsGap) {
  GenerationMetrics request = Begin();
  request.OnFirstToken(FirstToken(ResidencyClass::kWarm), At(1));
  request.OnDelta(Delta(1), At(1), false);
  request.OnDelta(Delta(4), At(3), false);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"steady\",residency=\"warm\"", 4, 2);
}

TEST_F(GenerationMetricsTest, AGapInWhichTheClientDidNotReadIsLeftOut) {
  GenerationMetrics request = Begin();
  request.OnFirstToken(FirstToken(ResidencyClass::kWarm), At(1));
  request.OnDelta(Delta(1), At(1), false);
  request.OnDelta(Delta(1), At(60), /*held_back=*/true);
  request.OnDelta(Delta(1), At(61), false);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"steady\",residency=\"warm\"", 1, 1);
}

TEST_F(GenerationMetricsTest, SequencesHaveGapsOfTheirOwn) {
  GenerationMetrics request = Begin();
  request.OnFirstToken(FirstToken(ResidencyClass::kMapped), At(1));
  request.OnDelta(Delta(1, false, 0), At(1), false);
  request.OnDelta(Delta(1, false, 1), At(1.5), false);
  request.OnDelta(Delta(1, false, 1), At(3.5), false);
  ExpectHistogram("inter_token_latency_seconds", "phase=\"steady\",residency=\"mapped\"", 1, 2);
}

TEST_F(GenerationMetricsTest, TheEchoOfAPromptIsNoToken) {
  GenerationMetrics request = Begin();
  request.OnDelta(Delta(0), At(0.1), false);
  EXPECT_EQ(request.generated_tokens(), 0);
  EXPECT_FALSE(request.time_to_first_token().has_value());
}

TEST_F(GenerationMetricsTest, ANameThatIsGoneIsNoHarm) {
  GenerationMetrics request(ModelMetrics(), arrival_);
  request.OnStarted({.seed = 0, .prompt_tokens = 3});
  request.OnFirstToken(FirstToken(ResidencyClass::kWarm), At(1));
  request.OnDelta(Delta(1), At(1), false);
  request.OnDelta(Delta(1), At(2), false);
  EXPECT_EQ(request.generated_tokens(), 2);
}

}  // namespace
}  // namespace firstlight
