// Sequences of models with sliding windows: what they hold of the cache, and that their answers are
// those of a cache that forgets nothing.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/recording_observer.h"
#include "tests/engine/scheduling/scheduler_harness.h"

namespace firstlight {
namespace {

// Every layer sees 9 positions; two of three see 9.
constexpr char kWindowed[] = "mistral-window";
constexpr char kAlternating[] = "gemma2";
constexpr int64_t kGenerated = 64;
constexpr int64_t kStepTokens = 5;

int64_t Positions(const Golden& golden) {
  return static_cast<int64_t>(golden.prompt.size()) + kGenerated - 1;
}

std::vector<int32_t> Greedy(const Golden& golden) { return First(golden.greedy, kGenerated); }

class WindowCacheTest : public testing::TestWithParam<const char*> {
 protected:
  const Golden golden_ = ReadGolden(GetParam());

  // Of the model, by itself.
  int64_t PeakBytes() const {
    SchedulerHarness sizing({});
    return sizing.Load(golden_)->cache().PeakBytes(Positions(golden_), kStepTokens);
  }
};

TEST_P(WindowCacheTest, HoldsNoMoreThanThePeakAndAnswersTheSame) {
  SchedulerHarness harness({.step_tokens = kStepTokens});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  const SchedulerHarness::Submitted request =
      harness.Submit(model, GreedyRequest(golden_, kGenerated));
  int64_t most = 0;
  while (harness.scheduler().Step()) most = std::max(most, harness.pool().used_bytes());
  EXPECT_EQ(request.observer->answer().ids, Greedy(golden_));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  EXPECT_LE(most, model->cache().PeakBytes(Positions(golden_), kStepTokens));
  EXPECT_LT(most, BlocksFor(Positions(golden_)) * model->cache().block_bytes());
}

// As it goes on, only the layers that see everything take more.
TEST_P(WindowCacheTest, GrowsByTheLayersThatSeeEverythingAlone) {
  SchedulerHarness harness({.step_tokens = kStepTokens});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  const CacheShape& shape = model->cache().shape();
  const SchedulerHarness::Submitted request =
      harness.Submit(model, GreedyRequest(golden_, kGenerated));
  while (request.observer->tokens() < kGenerated - 1) ASSERT_TRUE(harness.scheduler().Step());
  int64_t full_bytes = 0;
  int64_t window_block_bytes = 0;
  for (size_t group = 0; group < shape.groups.size(); ++group) {
    const int64_t block = model->cache().arena(static_cast<int64_t>(group))->block_bytes();
    if (shape.groups[group].window == 0) {
      full_bytes += BlocksFor(Positions(golden_) - 1) * block;
    } else {
      EXPECT_EQ(shape.groups[group].window, 9);
      window_block_bytes += block;
    }
  }
  const int64_t of_windows = harness.pool().used_bytes() - full_bytes;
  EXPECT_GE(of_windows, window_block_bytes);
  EXPECT_LE(of_windows, 2 * window_block_bytes);  // 9 positions touch two blocks at most
  harness.RunUntilIdle();
}

TEST_P(WindowCacheTest, FitsABudgetOfItsPeak) {
  SchedulerHarness harness({.kv_cache_bytes = PeakBytes(), .step_tokens = kStepTokens});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  const SchedulerHarness::Submitted request =
      harness.Submit(model, GreedyRequest(golden_, kGenerated));
  harness.RunUntilIdle();
  EXPECT_EQ(request.observer->answer().ids, Greedy(golden_));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

TEST_P(WindowCacheTest, GivesWayAndIsComputedAgain) {
  SchedulerHarness harness({.kv_cache_bytes = PeakBytes() * 3 / 2, .step_tokens = kStepTokens});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  std::vector<SchedulerHarness::Submitted> requests;
  for (int i = 0; i < 3; ++i) {
    requests.push_back(harness.Submit(model, GreedyRequest(golden_, kGenerated)));
  }
  // The first reader stops half-way: its blocks go to the others, and it begins again.
  requests[0].observer->LimitTokens(30);
  harness.RunUntilIdle();
  EXPECT_EQ(requests[0].observer->tokens(), 30);
  EXPECT_EQ(requests[1].observer->answer().ids, Greedy(golden_));
  requests[0].observer->SetHasRoom(true);
  harness.scheduler().Resume(requests[0].id);
  harness.RunUntilIdle();
  for (const SchedulerHarness::Submitted& request : requests) {
    EXPECT_EQ(request.observer->answer().ids, Greedy(golden_));
  }
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

// Blocks of the prompt that the window has passed are nobody's; those that it still sees are
// everybody's, until each has gone on.
TEST_P(WindowCacheTest, SequencesOfOnePromptShareWhatTheirWindowSees) {
  GenerationRequest sampled = GreedyRequest(golden_, kGenerated);
  sampled.num_sequences = 3;
  sampled.sampling.temperature = 1.4;
  sampled.sampling.seed = 5;
  std::vector<std::vector<int32_t>> expected;
  {
    // One after the other: those behind the first compute the prompt for themselves.
    SchedulerHarness harness({.max_sequences = 1, .step_tokens = 512});
    const SchedulerHarness::Submitted request = harness.Submit(harness.Load(golden_), sampled);
    harness.RunUntilIdle();
    for (int64_t i = 0; i < 3; ++i) expected.push_back(request.observer->answer(i).ids);
  }
  EXPECT_NE(expected[0], expected[1]);
  for (const int64_t capacity : {int64_t{64} << 20, PeakBytes(), 2 * PeakBytes()}) {
    SchedulerHarness harness({.kv_cache_bytes = capacity, .step_tokens = kStepTokens});
    const SchedulerHarness::Submitted request = harness.Submit(harness.Load(golden_), sampled);
    harness.RunUntilIdle();
    for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(request.observer->answer(i).ids, expected[i]);
    EXPECT_EQ(harness.pool().used_bytes(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, WindowCacheTest, testing::Values(kWindowed, kAlternating),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param) == kWindowed ? "Windowed" : "Alternating";
                         });

// A model whose every layer slides takes no more for a longer answer.
TEST(WindowCacheBoundTest, WithoutLayersThatSeeEverythingNoLengthIsTooLong) {
  const Golden golden = ReadGolden(kWindowed);
  SchedulerHarness harness({.step_tokens = kStepTokens});
  const std::shared_ptr<Model> model = harness.Load(golden);
  const CacheArenas& cache = model->cache();
  EXPECT_EQ(cache.PeakBytes(1000, kStepTokens), cache.PeakBytes(1'000'000, kStepTokens));
}

}  // namespace
}  // namespace firstlight
