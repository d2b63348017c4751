#include "engine/scheduling_policy.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "gmock/gmock.h"

namespace firstlight {
namespace {

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
  EXPECT_THAT(PlanRows(sequences, 1), ElementsAre(0, 1, 1));
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
