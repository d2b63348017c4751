#include "engine/workers/worker_pool.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(WorkerPoolTest, CoversEveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (const int64_t chunk : {1, 3, 64, 5000}) {
        std::vector<int> seen(count);  // each element is written by one worker
        std::atomic<bool> ranges_hold = true;
        pool.ParallelFor(count, chunk, [&](int64_t begin, int64_t end, int worker) {
          if (begin >= end || end - begin > chunk || worker < 0 || worker >= threads) {
            ranges_hold = false;
          }
          for (int64_t i = begin; i < end; ++i) {
            ++seen[i];
          }
        });
        EXPECT_TRUE(ranges_hold);
        EXPECT_EQ(seen, std::vector<int>(count, 1));
      }
    }
  }
}

TEST(WorkerPoolTest, ALoopSeesWhatTheOneBeforeWrote) {
  WorkerPool pool(3);
  const int64_t count = 300;
  std::vector<int64_t> values(count, 0);
  std::vector<int64_t> next(count, 0);
  for (int64_t round = 1; round <= 500; ++round) {
    pool.ParallelFor(count, 7, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        next[i] = values[(i + 1) % count] + 1;
      }
    });
    values.swap(next);
  }
  EXPECT_EQ(values, std::vector<int64_t>(count, 500));
}

// Two workers that each wait for the other to have a chunk: only if both take part does it end.
TEST(WorkerPoolTest, WorkersRunAtTheSameTimeAlsoAfterASleep) {
  WorkerPool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> inside = 0;
    pool.ParallelFor(2, 1, [&](int64_t, int64_t, int) {
      inside.fetch_add(1);
      inside.notify_all();
      for (int now = inside.load(); now != 2; now = inside.load()) {
        inside.wait(now);
      }
    });
    EXPECT_EQ(inside, 2);
  }
}

TEST(WorkerPoolTest, WorkersHaveNumbersOfTheirOwn) {
  WorkerPool pool(4);
  std::vector<int64_t> by_worker(4, 0);  // unsynchronized: a shared number would be a race
  for (int round = 0; round < 200; ++round) {
    pool.ParallelFor(
        100, 1, [&](int64_t begin, int64_t end, int worker) { by_worker[worker] += end - begin; });
  }
  EXPECT_EQ(by_worker[0] + by_worker[1] + by_worker[2] + by_worker[3], 200 * 100);
}

TEST(WorkerPoolTest, NotesWhatItsThreadsPaidForMemoryThatWasNotThere) {
  constexpr int64_t kPageBytes = 4096;
  constexpr int64_t kPages = 4096;
  WorkerPool pool(3);
  const auto touch = [&pool] {
    // Fresh memory, so that each page is a fault of whoever touches it first.
    void* const memory = mmap(nullptr, kPages * kPageBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    madvise(memory, kPages * kPageBytes, MADV_NOHUGEPAGE);
    pool.ParallelFor(kPages, 1, [&](int64_t begin, int64_t, int) {
      static_cast<volatile char*>(memory)[begin * kPageBytes] = 1;
    });
    munmap(memory, kPages * kPageBytes);
  };
  pool.NoteFaults(true);
  touch();  // every thread has noted what it had paid before
  const FaultCosts before = pool.fault_costs();
  touch();
  const FaultCosts costs = pool.fault_costs() - before;
  EXPECT_GE(costs.minor_faults, kPages);
#if !defined(FIRSTLIGHT_SANITIZE_THREAD)  // which keeps several bytes for each that is touched
  EXPECT_LT(costs.minor_faults, kPages + kPages / 4);
#endif
  // What is not noted comes with what its thread notes next, if only that takes part.
  pool.NoteFaults(false);
  touch();
  pool.NoteFaults(true);
  int64_t touched = 2;
  do {
    touch();
    ++touched;
  } while ((pool.fault_costs() - before).minor_faults < touched * kPages && touched < 1000);
  EXPECT_GE((pool.fault_costs() - before).minor_faults, touched * kPages);
}

TEST(WorkerPoolTest, StopsWithoutEverHavingRun) {
  for (int round = 0; round < 50; ++round) {
    WorkerPool pool(4);
  }
}

}  // namespace
}  // namespace firstlight
