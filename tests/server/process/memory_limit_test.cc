#include "server/process/memory_limit.h"

#include "gtest/gtest.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

constexpr char kMachine[] = "MemTotal:       16777216 kB\nMemFree: 1 kB\n";  // 16 GiB

TEST(MemoryLimitTest, TheMachinesMemoryWithoutGroups) {
  const TemporaryDirectory root;
  root.Write("proc/meminfo", kMachine);
  EXPECT_EQ(AllowedMemoryBytes(root.path() + "/"), int64_t{16} << 30);
}

TEST(MemoryLimitTest, VersionTwoTakesTheLeastOnTheWayToTheRoot) {
  const TemporaryDirectory root;
  root.Write("proc/meminfo", kMachine);
  root.Write("proc/self/cgroup", "0::/a/b\n");
  root.Write("sys/fs/cgroup/a/memory.max", "2147483648\n");
  root.Write("sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(AllowedMemoryBytes(root.path() + "/"), int64_t{2} << 30);
}

TEST(MemoryLimitTest, VersionTwoInsideAContainer) {
  const TemporaryDirectory root;
  root.Write("proc/meminfo", kMachine);
  root.Write("proc/self/cgroup", "0::/\n");
  root.Write("sys/fs/cgroup/memory.max", "1073741824\n");
  EXPECT_EQ(AllowedMemoryBytes(root.path() + "/"), int64_t{1} << 30);
}

TEST(MemoryLimitTest, VersionOneReadsTheMemoryController) {
  const TemporaryDirectory root;
  root.Write("proc/meminfo", kMachine);
  root.Write("proc/self/cgroup", "12:pids:/x\n5:cpu,memory:/docker/1\n0::/x\n");
  root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.Write("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "3221225472\n");
  EXPECT_EQ(AllowedMemoryBytes(root.path() + "/"), int64_t{3} << 30);
}

TEST(MemoryLimitTest, TheDefaultCacheIsAQuarter) {
  EXPECT_EQ(DefaultKvCacheBytes(int64_t{8} << 30), int64_t{2} << 30);
  EXPECT_GE(DefaultKvCacheBytes(1), 1);
}

}  // namespace
}  // namespace firstlight
