// Sequences whose layers keep a state, through what a scheduler does to them: prompts in chunks
// beside decode rows of others, several answers to a prompt, sequences that give way.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/scheduling/scheduler.h"
#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/scheduling/scheduler_harness.h"

namespace firstlight {
namespace {

constexpr int64_t kTokens = 40;

class RecurrentSchedulerTest : public testing::TestWithParam<const char*> {
 protected:
  RecurrentSchedulerTest() {
    SchedulerHarness probe({});
    const std::shared_ptr<Model> model = probe.Load(golden_);
    block_bytes_ = model->cache().block_bytes();
    state_bytes_ = model->cache().state_arena()->block_bytes();
  }

  // Of that many sequences at their ends.
  int64_t BytesOf(int64_t sequences) const {
    const auto positions = static_cast<int64_t>(golden_.prompt.size()) + kTokens;
    return sequences * (state_bytes_ + BlocksFor(positions) * block_bytes_);
  }

  const Golden golden_ = ReadGolden(GetParam());
  int64_t block_bytes_ = 0;
  int64_t state_bytes_ = 0;
};

TEST_P(RecurrentSchedulerTest, ChunksOfOneBesideRowsOfOthers) {
  SchedulerHarness harness({.step_tokens = 5});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  std::vector<SchedulerHarness::Submitted> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(harness.Submit(model, GreedyRequest(golden_, kTokens)));
    for (int step = 0; step < 3 + i; ++step) harness.scheduler().Step();
  }
  harness.RunUntilIdle();
  for (const SchedulerHarness::Submitted& one : all) {
    EXPECT_EQ(one.observer->answer().ids, First(golden_.greedy, kTokens));
  }
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

TEST_P(RecurrentSchedulerTest, EachAnswerToAPromptHasAStateOfItsOwn) {
  GenerationRequest request = GreedyRequest(golden_, kTokens);
  request.sampling.temperature = 1;
  request.sampling.seed = 11;
  request.num_sequences = 3;
  std::vector<std::vector<int32_t>> expected;
  for (const int64_t sequences : {3, 1}) {
    // With room for one alone, the others cannot take the prompt over, and compute it.
    SchedulerHarness harness({.kv_cache_bytes = BytesOf(sequences)});
    const std::shared_ptr<Model> model = harness.Load(golden_);
    const SchedulerHarness::Submitted submitted = harness.Submit(model, request);
    ASSERT_TRUE(harness.scheduler().Step());
    if (sequences == 3) {
      EXPECT_GE(harness.pool().used_bytes(), 3 * state_bytes_);
    }
    harness.RunUntilIdle();
    for (int64_t i = 0; i < 3; ++i) {
      const std::vector<int32_t> ids = submitted.observer->answer(i).ids;
      if (sequences == 3) {
        expected.push_back(ids);
      } else {
        EXPECT_EQ(ids, expected[static_cast<size_t>(i)]) << i;
      }
    }
    EXPECT_EQ(harness.pool().used_bytes(), 0);
  }
  EXPECT_NE(expected[0], expected[1]);
}

TEST_P(RecurrentSchedulerTest, SequencesThatGaveWayAnswerTheSame) {
  // Two begin together; the younger gives way before both are at their ends, or waits.
  SchedulerHarness harness(
      {.kv_cache_bytes = BytesOf(2) - std::max<int64_t>(block_bytes_, 1), .step_tokens = 7});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  const SchedulerHarness::Submitted first = harness.Submit(model, GreedyRequest(golden_, kTokens));
  const SchedulerHarness::Submitted second = harness.Submit(model, GreedyRequest(golden_, kTokens));
  harness.RunUntilIdle();
  EXPECT_EQ(first.observer->answer().ids, First(golden_.greedy, kTokens));
  EXPECT_EQ(second.observer->answer().ids, First(golden_.greedy, kTokens));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

// What is held while its reader has no room is taken by another, and computed again.
TEST_P(RecurrentSchedulerTest, AStateThatWasTakenIsComputedAgain) {
  SchedulerHarness harness({.kv_cache_bytes = BytesOf(1)});
  const std::shared_ptr<Model> model = harness.Load(golden_);
  const SchedulerHarness::Submitted slow = harness.Submit(model, GreedyRequest(golden_, kTokens));
  while (slow.observer->tokens() < 9) ASSERT_TRUE(harness.scheduler().Step());
  slow.observer->SetHasRoom(false);
  const SchedulerHarness::Submitted other = harness.Submit(model, GreedyRequest(golden_, kTokens));
  harness.RunUntilIdle();
  EXPECT_EQ(other.observer->answer().ids, First(golden_.greedy, kTokens));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  slow.observer->SetHasRoom(true);
  harness.scheduler().Resume(slow.id);
  harness.RunUntilIdle();
  EXPECT_EQ(slow.observer->answer().ids, First(golden_.greedy, kTokens));
}

INSTANTIATE_TEST_SUITE_P(Models, RecurrentSchedulerTest,
                         testing::Values("lfm2", "mamba2", "mamba2-step-limit", "falcon-h1",
                                         "qwen3-next"),
                         [](const auto& info) {
                           std::string name(info.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace firstlight
