#ifndef FIRSTLIGHT_LOADER_RESIDENCY_MEMORY_PRESSURE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_MEMORY_PRESSURE_H_

// How short of memory this process is, as its control group (v1 or v2) and the kernel's pressure
// stall information tell. Page cache, and with it the weights, is charged to the group that first
// read it and can be taken back: below the size of a model a limit makes the model slow, which
// shows here as refaults and stalls, not dead.
//
// Reading costs some tens of microseconds and blocks on nothing but /proc and /sys. A figure that
// the system does not give is absent. Counters count from the group's beginning.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/residency/control_group.h"

namespace firstlight {

// One line of PSI: the share of time in which some, or all, tasks waited for memory.
struct PressureStall {
  double average_10s = 0;  // percent of the last ten seconds
  double average_60s = 0;
  int64_t total_microseconds = 0;
};

struct MemoryPressure {
  // Of the group, the least of those above it included; absent without a limit.
  std::optional<int64_t> limit_bytes;
  // Charged to the group, page cache included.
  std::optional<int64_t> used_bytes;
  // Pages of files that were read again soon after they had been taken away.
  std::optional<int64_t> file_refaults;
  // Times that the limit was met and pages had to be taken back.
  std::optional<int64_t> limit_hits;
  // Processes of the group that the kernel killed for want of memory.
  std::optional<int64_t> oom_kills;
  // The group's where it tells (v2), else the machine's.
  std::optional<PressureStall> some;
  std::optional<PressureStall> full;
  bool pressure_is_of_group = false;
};

class MemoryPressureReader {
 public:
  // Finds the group, which is the one that accounts for memory. `root` is "/" but in tests.
  explicit MemoryPressureReader(std::string root = "/");

  // Thread-safe.
  MemoryPressure Read() const;

 private:
  const std::string root_;
  std::optional<MemoryGroup> group_;
};

// The line of `text` (/proc/pressure/memory, memory.pressure) that begins with `kind`: "some" or
// "full". Empty when there is none, or it is malformed.
std::optional<PressureStall> ParsePressure(std::string_view text, std::string_view kind);

// The value beside `key` in `text`, lines of KEY VALUE (memory.stat, memory.events).
std::optional<int64_t> ParseKeyedNumber(std::string_view text, std::string_view key);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_MEMORY_PRESSURE_H_
