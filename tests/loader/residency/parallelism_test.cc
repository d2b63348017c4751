#include "loader/residency/parallelism.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// Reads until it has settled from a device that gives `bytes_per_second(threads)` in all.
int SettledLimit(Parallelism* parallelism, const std::function<double(int)>& bytes_per_second) {
  constexpr int64_t kBytes = int64_t{16} << 20;
  for (int reading = 0; reading < 1000 && !parallelism->settled(); ++reading) {
    const int threads = parallelism->limit();
    const double seconds = static_cast<double>(kBytes) / (bytes_per_second(threads) / threads);
    parallelism->Add(threads, kBytes, absl::Seconds(seconds));
  }
  EXPECT_TRUE(parallelism->settled());
  return parallelism->limit();
}

TEST(ParallelismTest, BeginsWithTheMostThreads) { EXPECT_EQ(Parallelism(8).limit(), 8); }

TEST(ParallelismTest, KeepsThemWhereTheDeviceNeedsThem) {
  Parallelism parallelism(8);
  EXPECT_EQ(SettledLimit(&parallelism, [](int threads) { return 250e6 * threads; }), 8);
}

TEST(ParallelismTest, TakesTheFewestThatReachTheDevicesSpeed) {
  Parallelism parallelism(8);
  EXPECT_EQ(SettledLimit(&parallelism, [](int threads) { return threads >= 2 ? 1e9 : 4e8; }), 2);
}

TEST(ParallelismTest, ReadsAloneFromADeviceThatSeeks) {
  Parallelism parallelism(8);
  EXPECT_EQ(SettledLimit(&parallelism, [](int threads) { return 150e6 / threads; }), 1);
}

TEST(ParallelismTest, SmallLossesDoNotAddUp) {
  // Each halving costs less than a tenth, all of them together half: 4 threads are good enough for
  // what 8 reached, 2 are not.
  Parallelism parallelism(8);
  const auto speed = [](int threads) {
    return threads == 8 ? 1000e6 : threads == 4 ? 920e6 : threads == 2 ? 840e6 : 770e6;
  };
  EXPECT_EQ(SettledLimit(&parallelism, speed), 4);
}

TEST(ParallelismTest, ReadingsWithOtherNumbersOfThreadsTellNothing) {
  Parallelism parallelism(8);
  for (int reading = 0; reading < 100; ++reading) {
    parallelism.Add(3, int64_t{16} << 20, absl::Milliseconds(1));
  }
  EXPECT_EQ(parallelism.limit(), 8);
  EXPECT_FALSE(parallelism.settled());
}

}  // namespace
}  // namespace firstlight
