#include "engine/kv_cache/block_pool.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

const int64_t kPage = sysconf(_SC_PAGESIZE);

// Whether the page of `address` is in memory.
bool Resident(const float* address) {
  unsigned char state = 0;
  EXPECT_EQ(mincore(const_cast<float*>(address), 1, &state), 0);
  return (state & 1) != 0;
}

// What RLIMIT_DATA bounds: private memory that may be written.
rlim_t DataBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmData:")) return std::stoull(line.substr(7)) * 1024;
  }
  return 0;
}

TEST(BlockPoolTest, BlocksAreRoundedUpToPagesAndCounted) {
  BlockPool pool(10 * kPage);
  const auto arena = pool.CreateArena(kPage + 1);
  ASSERT_THAT(arena, IsOk());
  EXPECT_EQ((*arena)->block_bytes(), 2 * kPage);
  EXPECT_EQ((*arena)->max_blocks(), 5);
  float* const block = (*arena)->Allocate();
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(pool.used_bytes(), 2 * kPage);
  (*arena)->Free(block);
  EXPECT_EQ(pool.used_bytes(), 0);
  EXPECT_EQ(pool.cached_bytes(), 2 * kPage);
}

TEST(BlockPoolTest, NothingIsAllocatedBeyondTheBudget) {
  BlockPool pool(3 * kPage);
  const auto arena = *pool.CreateArena(kPage);
  std::set<float*> blocks;
  for (int i = 0; i < 3; ++i) blocks.insert(arena->Allocate());
  EXPECT_EQ(blocks.size(), 3U);
  EXPECT_FALSE(blocks.contains(nullptr));
  EXPECT_EQ(arena->Allocate(), nullptr);
  arena->Free(*blocks.begin());
  EXPECT_EQ(arena->Allocate(), *blocks.begin());
  for (float* const block : blocks) arena->Free(block);
}

// Two hundred idle models reserve the budget each; a process that may hold little must bear it.
TEST(BlockPoolTest, ReservingCommitsNothing) {
#if defined(FIRSTLIGHT_SANITIZE_THREAD)
  GTEST_SKIP() << "ThreadSanitizer commits memory of its own for every mapping";
#endif
  const pid_t child = fork();
  if (child == 0) {
    const rlim_t limit = DataBytes() + (rlim_t{1} << 30);
    const rlimit data = {limit, limit};
    if (setrlimit(RLIMIT_DATA, &data) != 0) _exit(1);
    BlockPool pool(int64_t{1} << 36);
    std::vector<std::unique_ptr<BlockArena>> arenas;
    for (int i = 0; i < 200; ++i) {
      auto arena = pool.CreateArena(16 * kPage);
      if (!arena.ok()) _exit(2);
      arenas.push_back(*std::move(arena));
    }
    float* const block = arenas.back()->Allocate();
    if (block == nullptr) _exit(3);
    block[0] = 1.0F;
    arenas.back()->Free(block);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(BlockPoolTest, ABlockCostsMemoryFromItsFirstUseOn) {
  BlockPool pool(int64_t{1} << 36);
  const auto arena = pool.CreateArena(16 * kPage);
  ASSERT_THAT(arena, IsOk());
  float* const block = (*arena)->Allocate();
  EXPECT_FALSE(Resident(block));
  block[0] = 1.0F;
  EXPECT_TRUE(Resident(block));
  (*arena)->Free(block);
  EXPECT_TRUE(Resident(block));
}

TEST(BlockPoolTest, AnotherArenaGetsThePagesOfFreeBlocks) {
  BlockPool pool(4 * kPage);
  const auto first = *pool.CreateArena(kPage);
  const auto second = *pool.CreateArena(2 * kPage);
  float* const kept = first->Allocate();
  std::vector<float*> freed;
  for (int i = 0; i < 3; ++i) {
    freed.push_back(first->Allocate());
    freed.back()[0] = 1.0F;
  }
  kept[0] = 42.0F;
  EXPECT_EQ(second->Allocate(), nullptr);
  for (float* const block : freed) first->Free(block);

  float* const block = second->Allocate();
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(pool.used_bytes(), 3 * kPage);
  EXPECT_EQ(pool.cached_bytes(), kPage);
  int resident = 0;
  for (float* const one : freed) resident += Resident(one) ? 1 : 0;
  EXPECT_EQ(resident, 1);
  EXPECT_EQ(kept[0], 42.0F);

  // What was given back can be used again.
  second->Free(block);
  for (int i = 0; i < 3; ++i) EXPECT_NE(first->Allocate(), nullptr);
  EXPECT_EQ(first->Allocate(), nullptr);
  EXPECT_EQ(pool.used_bytes(), 4 * kPage);
  EXPECT_EQ(pool.cached_bytes(), 0);
}

TEST(BlockPoolTest, AnArenaThatGoesLeavesTheBudget) {
  BlockPool pool(2 * kPage);
  auto first = *pool.CreateArena(kPage);
  first->Free(first->Allocate());
  EXPECT_EQ(pool.cached_bytes(), kPage);
  first.reset();
  EXPECT_EQ(pool.cached_bytes(), 0);
}

TEST(BlockPoolTest, RefusesBlocksThatTheBudgetCannotHold) {
  BlockPool pool(kPage);
  EXPECT_THAT(pool.CreateArena(2 * kPage),
              StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("the budget is")));
  EXPECT_THAT(pool.CreateArena(0),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("positive")));
}

TEST(BlockPoolTest, ArenasOnManyThreadsShareOneBudget) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  BlockPool pool(8 * kPage);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&pool, t] {
      const auto arena = *pool.CreateArena((1 + t % 2) * kPage);
      std::vector<float*> held;
      for (int round = 0; round < kRounds; ++round) {
        float* const block = arena->Allocate();
        if (block != nullptr) {
          block[0] = static_cast<float>(t);
          held.push_back(block);
        }
        EXPECT_LE(pool.used_bytes(), pool.capacity_bytes());
        if (block == nullptr || held.size() == 3) {
          for (float* const one : held) {
            EXPECT_EQ(one[0], static_cast<float>(t));
            arena->Free(one);
          }
          held.clear();
        }
      }
      for (float* const one : held) arena->Free(one);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.used_bytes(), 0);
  EXPECT_EQ(pool.cached_bytes(), 0);
}

}  // namespace
}  // namespace firstlight
