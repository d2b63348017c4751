#include "loader/base/mutex.h"

#include <thread>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

struct Handover {
  Mutex mutex;
  CondVar changed;
  int turn ABSL_GUARDED_BY(mutex) = 0;
};

TEST(MutexTest, CondVarHandsATurnBackAndForth) {
  Handover handover;
  std::thread partner([&handover] {
    for (int round = 0; round < 100; ++round) {
      MutexLock lock(&handover.mutex);
      while (handover.turn % 2 == 0) handover.changed.Wait(&handover.mutex);
      ++handover.turn;
      handover.changed.SignalAll();
    }
  });
  for (int round = 0; round < 100; ++round) {
    MutexLock lock(&handover.mutex);
    while (handover.turn % 2 == 1) handover.changed.Wait(&handover.mutex);
    ++handover.turn;
    handover.changed.SignalAll();
  }
  partner.join();
  MutexLock lock(&handover.mutex);
  EXPECT_EQ(handover.turn, 200);
}

TEST(MutexTest, WaitWithTimeoutSaysThatTheTimeRanOut) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  EXPECT_FALSE(never.WaitWithTimeout(&mutex, absl::ZeroDuration()));
}

}  // namespace
}  // namespace firstlight
