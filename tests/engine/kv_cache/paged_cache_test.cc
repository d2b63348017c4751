#include "engine/kv_cache/paged_cache.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// Layers that see everything and layers that see 20 positions, in turn. A block takes 2 KiB in the
// one group and 1 KiB in the other, and so a page in both.
CacheShape Alternating() {
  DecoderSpec spec;
  spec.num_hidden_layers = 3;
  spec.num_attention_heads = 2;
  spec.num_key_value_heads = 2;
  spec.head_dim = 4;
  spec.layer_kinds = {{}, {.window = 20}};
  spec.kind_of_layer = {0, 1, 0};
  return MakeCacheShape(spec);
}

CacheShape Everything() {
  DecoderSpec spec;
  spec.num_hidden_layers = 3;
  spec.num_attention_heads = 2;
  spec.num_key_value_heads = 2;
  spec.head_dim = 4;
  return MakeCacheShape(spec);
}

// A layer that recurs, and one whose mixer is `other`. States take 3 * 128 floats a layer that
// recurs, and so a page together; a block of the layer that attends takes one as well.
CacheShape Recurring(Mixer other) {
  DecoderSpec spec;
  spec.num_hidden_layers = 2;
  spec.num_attention_heads = 2;
  spec.num_key_value_heads = 2;
  spec.head_dim = 4;
  spec.recurrent.heads = 1;
  spec.recurrent.head_dim = 128;
  spec.recurrent.kernel = 4;
  spec.layer_kinds = {{.mixer = Mixer::kRecurrence}, {.mixer = other}};
  spec.kind_of_layer = {0, 1};
  return MakeCacheShape(spec);
}

CacheSpan Whole(int64_t positions) { return {.first = 0, .end = positions, .chunk = positions}; }

class PagedCacheTest : public testing::Test {
 protected:
  void UseModel(CacheShape shape, int64_t pages) {
    arenas_ = nullptr;  // they go before their pool
    pool_ = std::make_unique<BlockPool>(pages * page_);
    arenas_ = *CacheArenas::Create(std::move(shape), pool_.get());
  }
  int64_t pages_used() const { return pool_->used_bytes() / page_; }
  const float* Block(const PagedCache& cache, int64_t layer, int64_t index) const {
    return cache.layer(layer).blocks[index];
  }

  const int64_t page_ = sysconf(_SC_PAGESIZE);
  std::unique_ptr<BlockPool> pool_;
  std::unique_ptr<CacheArenas> arenas_;
};

TEST_F(PagedCacheTest, GrowsByBlocks) {
  UseModel(Everything(), 3);
  PagedCache cache(arenas_.get());
  EXPECT_EQ(cache.reserved_positions(), 0);
  EXPECT_EQ(cache.MissingBytes(Whole(kBlockTokens + 1)), 2 * page_);
  ASSERT_TRUE(cache.Reserve(Whole(1)));
  EXPECT_EQ(cache.reserved_positions(), kBlockTokens);
  EXPECT_EQ(cache.MissingBytes(Whole(kBlockTokens + 1)), page_);
  ASSERT_TRUE(cache.Reserve(Whole(kBlockTokens)));
  EXPECT_EQ(pages_used(), 1);
  ASSERT_TRUE(cache.Reserve(Whole(kBlockTokens + 1)));
  EXPECT_EQ(pages_used(), 2);
  EXPECT_EQ(cache.held_bytes(), 2 * page_);
}

TEST_F(PagedCacheTest, KeepsWhatItHasWhenTheBudgetIsUsedUp) {
  UseModel(Everything(), 3);
  PagedCache cache(arenas_.get());
  ASSERT_TRUE(cache.Reserve(Whole(2 * kBlockTokens)));
  PagedCache other(arenas_.get());
  EXPECT_FALSE(other.Reserve(Whole(2 * kBlockTokens)));
  EXPECT_EQ(other.reserved_positions(), kBlockTokens);
  cache.Release();
  EXPECT_EQ(cache.reserved_positions(), 0);
  EXPECT_TRUE(other.Reserve(Whole(2 * kBlockTokens)));
}

TEST_F(PagedCacheTest, GivesItsBlocksBackWhenItGoes) {
  UseModel(Alternating(), 6);
  {
    PagedCache cache(arenas_.get());
    ASSERT_TRUE(cache.Reserve(Whole(3 * kBlockTokens)));
    cache.ReleaseBehind(3 * kBlockTokens);
  }
  EXPECT_EQ(pages_used(), 0);
}

TEST_F(PagedCacheTest, SharedBlocksAreFreeWhenTheirLastOwnerGivesThemBack) {
  UseModel(Everything(), 3);
  PagedCache first(arenas_.get());
  ASSERT_TRUE(first.Reserve(Whole(2 * kBlockTokens)));
  first.layer(0).blocks[0][0] = 41;
  PagedCache second(arenas_.get());
  second.ShareBlocks(first, 1);
  EXPECT_EQ(second.reserved_positions(), kBlockTokens);
  EXPECT_EQ(Block(second, 0, 0), Block(first, 0, 0));
  EXPECT_EQ(pages_used(), 2);  // counted once
  ASSERT_TRUE(second.Reserve(Whole(2 * kBlockTokens)));
  EXPECT_NE(Block(second, 0, 1), Block(first, 0, 1));
  first.Release();
  EXPECT_EQ(pages_used(), 2);
  EXPECT_EQ(Block(second, 0, 0)[0], 41);
  ASSERT_TRUE(first.Reserve(Whole(1)));
  EXPECT_NE(Block(first, 0, 0), Block(second, 0, 0));
  second.Release();
  EXPECT_EQ(pages_used(), 1);
}

TEST_F(PagedCacheTest, LayersOfAGroupLieBehindEachOtherInABlock) {
  UseModel(Alternating(), 6);
  PagedCache cache(arenas_.get());
  ASSERT_TRUE(cache.Reserve(Whole(1)));
  EXPECT_EQ(cache.layer(0).layer_offset, 0);
  EXPECT_EQ(cache.layer(1).layer_offset, 0);
  EXPECT_EQ(cache.layer(2).layer_offset, AttentionBlockFloats(2, 4));
  EXPECT_EQ(Block(cache, 0, 0), Block(cache, 2, 0));
  EXPECT_NE(Block(cache, 0, 0), Block(cache, 1, 0));
  EXPECT_EQ(arenas_->block_bytes(), 2 * page_);
}

TEST_F(PagedCacheTest, ALayerThatSharesAnothersKeysHasItsPlace) {
  DecoderSpec spec;
  spec.num_hidden_layers = 4;
  spec.num_attention_heads = 2;
  spec.num_key_value_heads = 2;
  spec.head_dim = 4;
  spec.layer_kinds = {{.num_key_value_heads = 1}, {.window = 20, .head_dim = 8}};
  spec.kind_of_layer = {1, 0, 0, 1};
  spec.num_kv_shared_layers = 2;
  const CacheShape shape = MakeCacheShape(spec);
  ASSERT_EQ(shape.groups.size(), 2U);
  EXPECT_EQ(shape.groups[0].block_floats, AttentionBlockFloats(2, 8));
  EXPECT_EQ(shape.groups[1].block_floats, AttentionBlockFloats(1, 4));
  EXPECT_EQ(shape.layers[3].group, shape.layers[0].group);
  EXPECT_EQ(shape.layers[3].head_dim, 8);
  EXPECT_EQ(shape.layers[2].group, shape.layers[1].group);
  EXPECT_EQ(shape.layers[2].kv_heads, 1);
}

TEST_F(PagedCacheTest, OnlyLayersWithAWindowGiveBackWhatIsBehindIt) {
  UseModel(Alternating(), 20);
  PagedCache cache(arenas_.get());
  ASSERT_TRUE(cache.Reserve(Whole(5 * kBlockTokens)));
  EXPECT_EQ(pages_used(), 10);
  cache.ReleaseBehind(35);  // whose window begins at 16
  EXPECT_EQ(pages_used(), 9);
  EXPECT_EQ(Block(cache, 1, 0), nullptr);
  EXPECT_NE(Block(cache, 1, 1), nullptr);
  EXPECT_NE(Block(cache, 0, 0), nullptr);
  cache.ReleaseBehind(50);  // 31
  EXPECT_EQ(pages_used(), 9);
  cache.ReleaseBehind(51);  // 32
  EXPECT_EQ(pages_used(), 8);
  EXPECT_EQ(Block(cache, 1, 1), nullptr);
  EXPECT_EQ(cache.held_bytes(), 8 * page_);
  cache.ReleaseBehind(51);
  EXPECT_EQ(pages_used(), 8);
}

// However far it goes, and from whatever it was asked for at first.
TEST_F(PagedCacheTest, ALayerWithAWindowHoldsNoMoreThanThePeak) {
  constexpr int64_t kPositions = 40 * kBlockTokens;
  for (const int64_t chunk : {1, 7, 16, 33}) {
    UseModel(Alternating(), 100);
    PagedCache cache(arenas_.get());
    const int64_t everything = BlocksFor(kPositions) * page_;
    int64_t most = 0;
    for (int64_t position = 0; position < kPositions; position += chunk) {
      ASSERT_TRUE(cache.Reserve({.first = position, .end = kPositions, .chunk = chunk}));
      for (int64_t p = std::max<int64_t>(position - 19, 0);
           p < std::min(position + chunk, kPositions); ++p) {
        ASSERT_NE(Block(cache, 1, p / kBlockTokens), nullptr) << p << " from " << position;
      }
      most = std::max(most, cache.held_bytes());
      cache.ReleaseBehind(position + chunk);
    }
    EXPECT_LE(most, arenas_->PeakBytes(kPositions, chunk)) << chunk;
    EXPECT_EQ(arenas_->PeakBytes(kPositions, chunk) - everything,
              (BlocksFor(20 - 1 + chunk - 1) + 1) * page_);
  }
}

TEST_F(PagedCacheTest, SharedBlocksBehindAWindowStayWithWhoStillSeesThem) {
  UseModel(Alternating(), 20);
  PagedCache first(arenas_.get());
  ASSERT_TRUE(first.Reserve(Whole(4 * kBlockTokens)));
  first.ReleaseBehind(35);
  PagedCache second(arenas_.get());
  second.ShareBlocks(first, 3);
  EXPECT_EQ(Block(second, 1, 0), nullptr);
  EXPECT_EQ(Block(second, 1, 1), Block(first, 1, 1));
  ASSERT_TRUE(second.Reserve({.first = 51, .end = 52, .chunk = 1}));
  second.CopyBlock(first, 3);
  EXPECT_EQ(pages_used(), 7 + 2);
  first.ReleaseBehind(64);  // 45
  EXPECT_EQ(pages_used(), 9);
  EXPECT_NE(Block(second, 1, 1), nullptr);
  second.ReleaseBehind(51);
  EXPECT_EQ(pages_used(), 8);
  second.Release();
  first.Release();
  EXPECT_EQ(pages_used(), 0);
}

TEST_F(PagedCacheTest, WindowsBoundWhatALongSequenceIsTakenToNeed) {
  UseModel(Everything(), 7);
  EXPECT_EQ(arenas_->MaxPositions(/*chunk=*/4), 7 * kBlockTokens);
  // Of both groups up to 3 blocks (20 - 1 + 4 positions), then of one.
  UseModel(Alternating(), 7);
  EXPECT_EQ(arenas_->PeakBytes(3 * kBlockTokens, 4), 6 * page_);
  EXPECT_EQ(arenas_->PeakBytes(4 * kBlockTokens, 4), 7 * page_);
  EXPECT_EQ(arenas_->MaxPositions(/*chunk=*/4), 4 * kBlockTokens);
  CacheShape windows = Alternating();
  windows.groups[0].window = 40;
  UseModel(std::move(windows), 7);
  EXPECT_GT(arenas_->MaxPositions(/*chunk=*/4), int64_t{1} << 30);
}

TEST_F(PagedCacheTest, OnlyLayersThatAttendHaveBlocks) {
  UseModel(Recurring(Mixer::kBoth), 4);
  EXPECT_EQ(arenas_->shape().state_floats, 2 * 3 * 128);
  ASSERT_EQ(arenas_->shape().groups.size(), 1);
  EXPECT_EQ(arenas_->shape().groups[0].block_floats, AttentionBlockFloats(2, 4, 4));
  EXPECT_EQ(arenas_->shape().layers[1].offset, 0);
  EXPECT_EQ(arenas_->block_bytes(), page_);

  UseModel(Recurring(Mixer::kRecurrence), 4);
  PagedCache cache(arenas_.get());
  EXPECT_EQ(cache.MissingBytes(Whole(1000)), 0);
  ASSERT_TRUE(cache.Reserve(Whole(1000)));
  EXPECT_GE(cache.reserved_positions(), 1000);
  cache.ReleaseBehind(1000);
  PagedCache other(arenas_.get());
  other.ShareBlocks(cache, 1000 / kBlockTokens);
  other.CopyBlock(cache, 1000 / kBlockTokens);
  EXPECT_EQ(cache.held_bytes(), 0);
  EXPECT_EQ(pages_used(), 0);
}

TEST_F(PagedCacheTest, StatesTakeTheirPartOfTheBudget) {
  UseModel(Everything(), 4);
  EXPECT_EQ(arenas_->state_arena(), nullptr);
  UseModel(Recurring(Mixer::kAttention), 4);
  ASSERT_NE(arenas_->state_arena(), nullptr);
  EXPECT_EQ(arenas_->state_arena()->block_bytes(), page_);
  EXPECT_EQ(arenas_->PeakBytes(kBlockTokens + 1, 4), 3 * page_);
  EXPECT_EQ(arenas_->MaxPositions(/*chunk=*/4), 3 * kBlockTokens);
  UseModel(Recurring(Mixer::kRecurrence), 1);
  EXPECT_GT(arenas_->MaxPositions(/*chunk=*/4), int64_t{1} << 30);
  BlockPool pool(page_);
  EXPECT_EQ(CacheArenas::Create(Recurring(Mixer::kAttention), &pool).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(PagedCacheTest, ABudgetForLessThanABlockOfEachGroupIsRefused) {
  BlockPool pool(page_);
  EXPECT_EQ(CacheArenas::Create(Alternating(), &pool).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace firstlight
