#include "engine/scheduling/scheduling_policy.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "gmock/gmock.h"

namespace firstlight {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(PlanRowsTest, DecodeRowsFirstThenPromptsByAge) {
  const std::vector<RunnableSequence> sequences = {{.remaining = 6},
                                                   {.remaining = 1, .decoding = true},
                                                   {.remaining = 9},
                                                   {.remaining = 3},
                                                   {.remaining = 1, .decoding = true}};
  EXPECT_THAT(PlanRows(sequences, 512), ElementsAre(6, 1, 9, 3, 1));
  EXPECT_THAT(PlanRows(sequences, 12), ElementsAre(6, 1, 4, 0, 1));
  EXPECT_THAT(PlanRows(sequences, 3), ElementsAre(1, 1, 0, 0, 1));
  EXPECT_THAT(PlanRows({}, 3), ElementsAre());
}

TEST(PlanRowsTest, NoDecodingSequenceIsLeftOut) {
  const std::vector<RunnableSequence> sequences = {
      {.remaining = 5}, {.remaining = 1, .decoding = true}, {.remaining = 1, .decoding = true}};
  EXPECT_THAT(PlanRows(sequences, 1), ElementsAre(1, 1, 1));
}

TEST(PlanRowsTest, DecodeRowsDoNotStarveThePrompts) {
  std::vector<RunnableSequence> sequences(40, {.remaining = 1, .decoding = true});
  sequences.push_back({.remaining = 3});
  sequences.push_back({.remaining = 100});
  sequences.push_back({.remaining = 100});
  for (const int64_t step_tokens : {32, 39, 40, 41, 44}) {
    const std::vector<int64_t> rows = PlanRows(sequences, step_tokens);
    const int64_t share = PromptShare(step_tokens);
    EXPECT_THAT(absl::MakeConstSpan(rows).first(40), Each(1));
    EXPECT_THAT(absl::MakeConstSpan(rows).subspan(40), ElementsAre(3, share - 3, 0)) << step_tokens;
  }
}

TEST(PlanRowsTest, NeverMoreThanMaxRows) {
  for (const int64_t step_tokens : {1, 7, 8, 64, 100}) {
    for (const int64_t max_sequences : {1, 2, 60, 64, 200}) {
      int64_t most = 0;
      for (int64_t decoding = 0; decoding <= max_sequences; ++decoding) {
        std::vector<RunnableSequence> sequences(max_sequences, {.remaining = 1000});
        for (int64_t i = 0; i < decoding; ++i) sequences[i] = {.remaining = 1, .decoding = true};
        const std::vector<int64_t> rows = PlanRows(sequences, step_tokens);
        most = std::max(most, std::accumulate(rows.begin(), rows.end(), int64_t{0}));
      }
      EXPECT_EQ(most, MaxRows(step_tokens, max_sequences)) << step_tokens << " " << max_sequences;
    }
  }
}

TEST(ChooseVictimTest, IdleBeforeRunningYoungestFirst) {
  const std::vector<BlockHolder> holders = {
      {.age = {1, 0}, .in_batch = true},
      {.age = {9, 0}, .in_batch = true},
      {.age = {2, 0}},
      {.age = {4, 0}},
      {.age = {4, 1}, .in_pass = true},
  };
  EXPECT_EQ(ChooseVictim(holders, {1, 0}), 3);
  EXPECT_EQ(ChooseIdleVictim(holders, {4, 0}), 2);
  EXPECT_EQ(ChooseVictim({holders.data(), 2}, {1, 0}), 1);
  EXPECT_EQ(ChooseIdleVictim({holders.data(), 2}, {1, 0}), std::nullopt);
}

TEST(ChooseVictimTest, TheNeedyOneWhenItIsTheYoungest) {
  const std::vector<BlockHolder> holders = {{.age = {1, 0}, .in_batch = true},
                                            {.age = {3, 1}, .in_batch = true},
                                            {.age = {3, 0}, .in_batch = true}};
  EXPECT_EQ(ChooseVictim(holders, {3, 1}), 1);
  EXPECT_EQ(ChooseVictim(holders, {3, 0}), 1);
}

TEST(ChooseVictimTest, WaitsForAPassRatherThanTakeFromTheOlder) {
  const std::vector<BlockHolder> holders = {
      {.age = {1, 0}, .in_batch = true},
      {.age = {3, 0}, .in_batch = true},
      {.age = {5, 0}, .in_batch = true, .in_pass = true},
  };
  EXPECT_EQ(ChooseVictim(holders, {3, 0}), std::nullopt);
  EXPECT_EQ(ChooseVictim(holders, {1, 0}), 1);
  EXPECT_EQ(ChooseVictim({}, {1, 0}), std::nullopt);
}

}  // namespace
}  // namespace firstlight
