#include "engine/workers/cpu_topology.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// A file system below a temporary directory that shows /sys and /proc as a test wants them.
class CpuTopologyTest : public testing::Test {
 protected:
  CpuTopologyTest() : root_(testing::TempDir() + "cpu_topology_XXXXXX") {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
  }
  ~CpuTopologyTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path full = root_ + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text << "\n";
  }

  void WriteSiblings(int cpu, const std::string& siblings) {
    Write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
          siblings);
  }

  std::string root_;
};

TEST_F(CpuTopologyTest, HardwareThreadsOfACoreCountOnce) {
  WriteSiblings(0, "0,4");
  WriteSiblings(1, "1,5");
  WriteSiblings(4, "0,4");
  WriteSiblings(5, "1,5");
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {0, 1, 4, 5})), 2);
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {0, 4})), 1);
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {0, 1})), 2);
}

TEST_F(CpuTopologyTest, WithoutTopologyEveryCpuIsACore) {
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {0, 1, 2})), 3);
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {})), 1);
}

TEST_F(CpuTopologyTest, CgroupV2QuotaOfAnAncestorHolds) {
  Write("/proc/self/cgroup", "0::/pod/container");
  Write("/sys/fs/cgroup/pod/cpu.max", "250000 100000");
  Write("/sys/fs/cgroup/pod/container/cpu.max", "max 100000");
  const CpuTopology topology = ReadCpuTopology(root_, {0, 1, 2, 3});
  EXPECT_EQ(topology.cpu_quota, 2.5);
  EXPECT_EQ(DefaultThreads(topology), 2);
}

TEST_F(CpuTopologyTest, CgroupV2AtTheRootOfANamespace) {
  Write("/proc/self/cgroup", "0::/");
  Write("/sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(DefaultThreads(ReadCpuTopology(root_, {0, 1})), 1);
}

TEST_F(CpuTopologyTest, CgroupV1QuotaAtThePathOrAtTheMount) {
  Write("/proc/self/cgroup", "12:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/ignored");
  Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000");
  Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(ReadCpuTopology(root_, {0}).cpu_quota, 3.0);
  Write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "200000");
  Write("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000");
  EXPECT_EQ(ReadCpuTopology(root_, {0}).cpu_quota, 2.0);
}

TEST_F(CpuTopologyTest, UnlimitedOrUnreadableIsNone) {
  EXPECT_EQ(ReadCpuTopology(root_, {0}).cpu_quota, std::nullopt);
  Write("/proc/self/cgroup", "garbage\n4:cpu:/\n:\n0::/");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  Write("/sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(ReadCpuTopology(root_, {0}).cpu_quota, std::nullopt);
}

TEST(CpuTopologyOfThisProcessTest, IsWithinTheMachine) {
  const CpuTopology topology = ReadCpuTopology();
  ASSERT_FALSE(topology.allowed_cpus.empty());
  EXPECT_GE(DefaultThreads(topology), 1);
  EXPECT_LE(DefaultThreads(topology), static_cast<int>(topology.allowed_cpus.size()));
}

}  // namespace
}  // namespace firstlight
