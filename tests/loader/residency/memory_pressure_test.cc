#include "loader/residency/memory_pressure.h"

#include "gtest/gtest.h"
#include "loader/residency/io_accounting.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

constexpr char kPressure[] =
    "some avg10=12.50 avg60=3.25 avg300=1.00 total=123456\n"
    "full avg10=2.00 avg60=1.00 avg300=0.50 total=3456\n";

TEST(MemoryPressureTest, ReadsVersionTwo) {
  const TemporaryDirectory root;
  root.Write("proc/self/cgroup", "0::/pod/container\n");
  root.Write("sys/fs/cgroup/memory.stat", "workingset_refault_file 1\n");
  root.Write("sys/fs/cgroup/pod/memory.max", "1000000\n");
  const std::string own = "sys/fs/cgroup/pod/container/";
  root.Write(own + "memory.max", "max\n");
  root.Write(own + "memory.current", "4096\n");
  root.Write(own + "memory.stat",
             "anon 10\nworkingset_refault_anon 5\nworkingset_refault_file 77\n");
  root.Write(own + "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\n");
  root.Write(own + "memory.pressure", kPressure);
  root.Write("proc/pressure/memory", "some avg10=99.00 avg60=99.00 avg300=99.00 total=99\n");
  const MemoryPressure pressure = MemoryPressureReader(root.path() + "/").Read();
  EXPECT_EQ(pressure.limit_bytes, 1000000) << "the limit above it holds as well";
  EXPECT_EQ(pressure.used_bytes, 4096);
  EXPECT_EQ(pressure.file_refaults, 77);
  EXPECT_EQ(pressure.limit_hits, 9);
  EXPECT_EQ(pressure.oom_kills, 2);
  ASSERT_TRUE(pressure.some.has_value());
  EXPECT_TRUE(pressure.pressure_is_of_group);
  EXPECT_EQ(pressure.some->average_10s, 12.5);
  EXPECT_EQ(pressure.some->average_60s, 3.25);
  EXPECT_EQ(pressure.some->total_microseconds, 123456);
  EXPECT_EQ(pressure.full->total_microseconds, 3456);
}

TEST(MemoryPressureTest, ReadsVersionOneBesideAnEmptyVersionTwo) {
  const TemporaryDirectory root;
  root.Write("proc/self/cgroup", "4:memory:/docker/abc\n1:cpu:/\n0::/\n");
  root.Write("sys/fs/cgroup/unified/cgroup.procs", "1\n");
  // A container sees its own group as the root, whatever /proc calls it.
  const std::string own = "sys/fs/cgroup/memory/";
  root.Write(own + "memory.limit_in_bytes", "536870912\n");
  root.Write(own + "memory.usage_in_bytes", "1234\n");
  root.Write(own + "memory.stat",
             "cache 5\nworkingset_refault_file 3\ntotal_workingset_refault_file 44\n");
  root.Write(own + "memory.failcnt", "8\n");
  root.Write(own + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  root.Write("proc/pressure/memory", kPressure);
  const MemoryPressure pressure = MemoryPressureReader(root.path() + "/").Read();
  EXPECT_EQ(pressure.limit_bytes, 536870912);
  EXPECT_EQ(pressure.used_bytes, 1234);
  EXPECT_EQ(pressure.file_refaults, 44);
  EXPECT_EQ(pressure.limit_hits, 8);
  EXPECT_EQ(pressure.oom_kills, 1);
  EXPECT_FALSE(pressure.pressure_is_of_group);
  EXPECT_EQ(pressure.some->average_10s, 12.5);
}

TEST(MemoryPressureTest, VersionOnesNoLimitIsNone) {
  const TemporaryDirectory root;
  root.Write("proc/self/cgroup", "4:memory:/\n");
  root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(MemoryPressureReader(root.path() + "/").Read().limit_bytes, std::nullopt);
}

TEST(MemoryPressureTest, NothingIsAbsent) {
  const TemporaryDirectory root;
  const MemoryPressure pressure = MemoryPressureReader(root.path() + "/").Read();
  EXPECT_FALSE(pressure.limit_bytes.has_value());
  EXPECT_FALSE(pressure.used_bytes.has_value());
  EXPECT_FALSE(pressure.file_refaults.has_value());
  EXPECT_FALSE(pressure.some.has_value());
}

TEST(MemoryPressureTest, RefusesWhatIsNotPressure) {
  EXPECT_FALSE(ParsePressure("some avg10=x avg60=1 total=1\n", "some").has_value());
  EXPECT_FALSE(ParsePressure("some avg10=1 total=1\n", "some").has_value());
  EXPECT_FALSE(ParsePressure("full avg10=1 avg60=1 total=1\n", "some").has_value());
  EXPECT_FALSE(ParsePressure("", "some").has_value());
  EXPECT_FALSE(ParseKeyedNumber("maximum 3\nmax three\n", "max").has_value());
}

TEST(IoAccountingTest, ReadsAThreadsBytes) {
  const TemporaryDirectory proc;
  EXPECT_EQ(StorageBytesRead(12, proc.path()), std::nullopt);
  proc.Write("self/task/12/io", "rchar: 7\nwchar: 8\nread_bytes: 4096\nwrite_bytes: 1\n");
  EXPECT_EQ(StorageBytesRead(12, proc.path()), 4096);
  proc.Write("self/task/12/io", "rchar: 7\nread_bytes: many\n");
  EXPECT_EQ(StorageBytesRead(12, proc.path()), std::nullopt);
  proc.Write("self/task/12/io", "");
  EXPECT_EQ(StorageBytesRead(12, proc.path()), std::nullopt);
}

}  // namespace
}  // namespace firstlight
