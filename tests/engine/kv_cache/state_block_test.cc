#include "engine/kv_cache/state_block.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

class StateBlockTest : public testing::Test {
 protected:
  const int64_t page_ = sysconf(_SC_PAGESIZE);
  BlockPool pool_{5 * page_};
  std::unique_ptr<BlockArena> arena_ = *pool_.CreateArena(2 * page_ - 100);
};

TEST_F(StateBlockTest, TakesItsPlaceInTheBudgetOnce) {
  StateBlock state(arena_.get());
  EXPECT_FALSE(state.holds_memory());
  EXPECT_EQ(state.data(), nullptr);
  EXPECT_EQ(state.MissingBytes(), 2 * page_);
  ASSERT_TRUE(state.Reserve());
  float* const data = state.data();
  ASSERT_TRUE(state.Reserve());
  EXPECT_EQ(state.data(), data);
  EXPECT_EQ(state.MissingBytes(), 0);
  EXPECT_EQ(pool_.used_bytes(), 2 * page_);
  state.Release();
  EXPECT_FALSE(state.holds_memory());
  EXPECT_EQ(pool_.used_bytes(), 0);
}

TEST_F(StateBlockTest, HasNoRoomWhereTheBudgetIsUsedUp) {
  StateBlock first(arena_.get());
  StateBlock second(arena_.get());
  StateBlock third(arena_.get());
  ASSERT_TRUE(first.Reserve());
  ASSERT_TRUE(second.Reserve());
  EXPECT_FALSE(third.Reserve());
  EXPECT_FALSE(third.holds_memory());
  first.Release();
  EXPECT_TRUE(third.Reserve());
}

TEST_F(StateBlockTest, ACopyIsItsOwn) {
  StateBlock first(arena_.get());
  StateBlock second(arena_.get());
  ASSERT_TRUE(first.Reserve());
  ASSERT_TRUE(second.Reserve());
  first.data()[0] = 1.0F;
  first.data()[1500] = 2.0F;
  second.CopyFrom(first);
  first.data()[0] = 3.0F;
  EXPECT_EQ(second.data()[0], 1.0F);
  EXPECT_EQ(second.data()[1500], 2.0F);
}

TEST(StateBlockWithoutStatesTest, AlwaysHasRoom) {
  StateBlock state(nullptr);
  EXPECT_TRUE(state.Reserve());
  EXPECT_EQ(state.MissingBytes(), 0);
  EXPECT_FALSE(state.holds_memory());
  StateBlock other(nullptr);
  other.CopyFrom(state);
  EXPECT_EQ(other.data(), nullptr);
}

}  // namespace
}  // namespace firstlight
