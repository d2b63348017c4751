#ifndef FIRSTLIGHT_ENGINE_WORKERS_CPU_TOPOLOGY_H_
#define FIRSTLIGHT_ENGINE_WORKERS_CPU_TOPOLOGY_H_

// How many workers the engine should have: what the process may use, not what the machine has.
//
// Kernels keep a core's arithmetic units busy, so a second hardware thread of a core adds nothing.
// A CPU quota (cgroup v1 or v2) is rounded down: a process over its quota stands still for the rest
// of the period, tens of milliseconds in the middle of a stream.

#include <optional>
#include <string>
#include <vector>

namespace firstlight {

struct CpuTopology {
  std::vector<int> allowed_cpus;    // logical CPUs of the process's affinity mask, increasing
  int allowed_cores = 1;            // physical cores that these belong to
  std::optional<double> cpu_quota;  // CPUs' worth of time; none: unlimited
};

// The topology of `allowed_cpus` and the tightest quota of the process's cgroup and its ancestors,
// read below `root` ("" for the system's own /sys and /proc). Never fails: a CPU whose topology
// is not shown counts as a core, a quota that is not shown as none.
CpuTopology ReadCpuTopology(const std::string& root, std::vector<int> allowed_cpus);

// Of this process.
CpuTopology ReadCpuTopology();

// The default of `--threads`, at least 1.
int DefaultThreads(const CpuTopology& topology);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_WORKERS_CPU_TOPOLOGY_H_
