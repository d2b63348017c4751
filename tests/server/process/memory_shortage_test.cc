#include "server/process/memory_shortage.h"

#include "gtest/gtest.h"

namespace firstlight {
namespace {

MemoryPressure Reading(int64_t limit_hits, int64_t refaults) {
  MemoryPressure reading;
  reading.limit_hits = limit_hits;
  reading.file_refaults = refaults;
  return reading;
}

TEST(MemoryShortageTest, NothingToldIsNoShortage) {
  MemoryShortage shortage;
  EXPECT_FALSE(shortage.Judge({}));
  EXPECT_FALSE(shortage.Judge({}));
}

TEST(MemoryShortageTest, StallsTellAtOnce) {
  MemoryShortage shortage;
  MemoryPressure reading;
  reading.some = PressureStall{.average_10s = MemoryShortage::kStallPercent};
  EXPECT_FALSE(shortage.Judge(reading));
  reading.some->average_10s += 1;
  EXPECT_TRUE(shortage.Judge(reading));
}

TEST(MemoryShortageTest, ALimitThatIsMetCountsWherePagesComeBack) {
  constexpr int64_t kMany = MemoryShortage::kRefaults + 1;
  MemoryShortage shortage;
  EXPECT_FALSE(shortage.Judge(Reading(1000, 1000 * kMany)));  // what was before is long ago
  EXPECT_FALSE(shortage.Judge(Reading(1001, 1000 * kMany)));  // page cache fills any limit
  EXPECT_FALSE(shortage.Judge(Reading(1001, 1001 * kMany)));
  EXPECT_TRUE(shortage.Judge(Reading(1002, 1002 * kMany)));
  EXPECT_FALSE(shortage.Judge(Reading(1002, 1002 * kMany)));
}

}  // namespace
}  // namespace firstlight
