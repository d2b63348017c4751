#include "engine/kv_cache/paged_cache.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// A block takes 3 KiB, and so a page.
constexpr CacheShape kShape = {.layers = 3, .num_key_value_heads = 2, .head_dim = 4};

class PagedCacheTest : public testing::Test {
 protected:
  const int64_t page_ = sysconf(_SC_PAGESIZE);
  BlockPool pool_{3 * page_};
  std::unique_ptr<BlockArena> arena_ = *pool_.CreateArena(kShape.block_bytes());
};

TEST_F(PagedCacheTest, GrowsByBlocks) {
  PagedCache cache(kShape, arena_.get());
  EXPECT_EQ(cache.reserved_positions(), 0);
  ASSERT_TRUE(cache.Reserve(1));
  EXPECT_EQ(cache.reserved_positions(), kBlockTokens);
  ASSERT_TRUE(cache.Reserve(kBlockTokens));
  EXPECT_EQ(cache.blocks().size(), 1U);
  ASSERT_TRUE(cache.Reserve(kBlockTokens + 1));
  EXPECT_EQ(cache.blocks().size(), 2U);
  EXPECT_EQ(pool_.used_bytes(), 2 * page_);
}

TEST_F(PagedCacheTest, KeepsWhatItHasWhenTheBudgetIsUsedUp) {
  PagedCache cache(kShape, arena_.get());
  ASSERT_TRUE(cache.Reserve(2 * kBlockTokens));
  PagedCache other(kShape, arena_.get());
  EXPECT_FALSE(other.Reserve(2 * kBlockTokens));
  EXPECT_EQ(other.reserved_positions(), kBlockTokens);
  cache.Release();
  EXPECT_EQ(cache.reserved_positions(), 0);
  EXPECT_TRUE(other.Reserve(2 * kBlockTokens));
}

TEST_F(PagedCacheTest, GivesItsBlocksBackWhenItGoes) {
  {
    PagedCache cache(kShape, arena_.get());
    ASSERT_TRUE(cache.Reserve(3 * kBlockTokens));
  }
  EXPECT_EQ(pool_.used_bytes(), 0);
}

TEST_F(PagedCacheTest, SharedBlocksAreFreeWhenTheirLastOwnerGivesThemBack) {
  PagedCache first(kShape, arena_.get());
  ASSERT_TRUE(first.Reserve(2 * kBlockTokens));
  first.blocks()[0][0] = 41;
  PagedCache second(kShape, arena_.get());
  second.ShareBlocks(first, 1);
  EXPECT_EQ(second.reserved_positions(), kBlockTokens);
  EXPECT_EQ(second.blocks()[0], first.blocks()[0]);
  EXPECT_EQ(pool_.used_bytes(), 2 * page_);  // counted once
  ASSERT_TRUE(second.Reserve(2 * kBlockTokens));
  EXPECT_NE(second.blocks()[1], first.blocks()[1]);
  first.Release();
  EXPECT_EQ(pool_.used_bytes(), 2 * page_);
  EXPECT_EQ(second.blocks()[0][0], 41);
  ASSERT_TRUE(first.Reserve(1));
  EXPECT_NE(first.blocks()[0], second.blocks()[0]);
  second.Release();
  EXPECT_EQ(pool_.used_bytes(), page_);
}

TEST_F(PagedCacheTest, LayersLieBehindEachOtherInABlock) {
  PagedCache cache(kShape, arena_.get());
  ASSERT_TRUE(cache.Reserve(1));
  EXPECT_EQ(cache.layer(0).layer_offset, 0);
  EXPECT_EQ(cache.layer(2).layer_offset, 2 * AttentionBlockFloats(2, 4));
  EXPECT_EQ(cache.layer(2).layer_offset + kShape.layer_floats(), kShape.block_floats());
  EXPECT_EQ(cache.layer(1).blocks[0], cache.blocks()[0]);
}

}  // namespace
}  // namespace firstlight
