#include "engine/workers/cpu_topology.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

namespace firstlight {
namespace {

// The first line of a file, nothing when it cannot be read.
std::optional<std::string> ReadLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) {
    return std::nullopt;
  }
  return line;
}

std::vector<int> AffinityMask() {
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    std::vector<int> allowed;
    const bool read = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !read && errno == EINVAL;
    for (int cpu = 0; read && cpu < cpus; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set)) {
        allowed.push_back(cpu);
      }
    }
    CPU_FREE(set);
    if (!too_small) {
      return allowed;
    }
  }
  return {};
}

int CountCores(const std::string& root, const std::vector<int>& cpus) {
  std::set<std::string> cores;  // by the list of their hardware threads
  int unknown = 0;
  for (const int cpu : cpus) {
    const std::optional<std::string> siblings =
        ReadLine(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                 "/topology/thread_siblings_list");
    if (siblings.has_value()) {
      cores.insert(*siblings);
    } else {
      ++unknown;
    }
  }
  return std::max(static_cast<int>(cores.size()) + unknown, 1);
}

// A quota of so many microseconds in a period of so many; "max" or -1 is none.
std::optional<double> Quota(const std::string& quota, const std::string& period) {
  const double quota_us = std::strtod(quota.c_str(), nullptr);
  const double period_us = std::strtod(period.c_str(), nullptr);
  if (quota_us > 0 && period_us > 0) {
    return quota_us / period_us;
  }
  return std::nullopt;
}

std::optional<double> QuotaV2(const std::string& directory) {
  std::istringstream line(ReadLine(directory + "/cpu.max").value_or(""));
  std::string quota;
  std::string period;
  line >> quota >> period;
  return Quota(quota, period);
}

std::optional<double> QuotaV1(const std::string& directory) {
  return Quota(ReadLine(directory + "/cpu.cfs_quota_us").value_or(""),
               ReadLine(directory + "/cpu.cfs_period_us").value_or(""));
}

void Tighten(std::optional<double> quota, std::optional<double>* tightest) {
  if (quota.has_value() && (!tightest->has_value() || *quota < **tightest)) {
    *tightest = quota;
  }
}

// Of the group at `path` under `mount` and of all above it. Inside a container the path may be the
// host's and not be there; its last ancestor, the mount itself, is then the container's group.
template <typename QuotaOf>
void TightenAlongPath(const std::string& mount, std::string path, QuotaOf quota_of,
                      std::optional<double>* tightest) {
  while (!path.empty() && path != "/") {
    Tighten(quota_of(mount + path), tightest);
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  Tighten(quota_of(mount), tightest);
}

bool NamesCpuController(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "cpu") {
      return true;
    }
  }
  return false;
}

std::optional<double> TightestQuota(const std::string& root) {
  std::optional<double> tightest;
  const std::string mount = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/path" or "0::/path"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      TightenAlongPath(mount, path, QuotaV2, &tightest);
    } else if (NamesCpuController(controllers)) {
      TightenAlongPath(mount + "/cpu", path, QuotaV1, &tightest);
      TightenAlongPath(std::string(mount).append("/").append(controllers), path, QuotaV1,
                       &tightest);
    }
  }
  return tightest;
}

}  // namespace

CpuTopology ReadCpuTopology(const std::string& root, std::vector<int> allowed_cpus) {
  CpuTopology topology;
  topology.allowed_cores = CountCores(root, allowed_cpus);
  topology.allowed_cpus = std::move(allowed_cpus);
  topology.cpu_quota = TightestQuota(root);
  return topology;
}

CpuTopology ReadCpuTopology() { return ReadCpuTopology("", AffinityMask()); }

int DefaultThreads(const CpuTopology& topology) {
  int threads = topology.allowed_cores;
  if (topology.cpu_quota.has_value() && *topology.cpu_quota < threads) {
    threads = static_cast<int>(*topology.cpu_quota);
  }
  return std::max(threads, 1);
}

}  // namespace firstlight
