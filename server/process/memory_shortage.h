#ifndef FIRSTLIGHT_SERVER_PROCESS_MEMORY_SHORTAGE_H_
#define FIRSTLIGHT_SERVER_PROCESS_MEMORY_SHORTAGE_H_

// Whether the process is short of memory now, from two readings of what its control group and the
// kernel tell: tasks have waited for memory for more than kStallPercent of the last ten seconds, or
// the group has met its limit since the last reading while pages of files were read again that had
// been taken away shortly before. The limit alone is no sign: page cache fills any limit.
//
// Thread-compatible.

#include <cstdint>
#include <optional>

#include "loader/residency/memory_pressure.h"

namespace firstlight {

class MemoryShortage {
 public:
  static constexpr double kStallPercent = 5;
  // Pages: 16 MB are read again sooner or later on any machine.
  static constexpr int64_t kRefaults = 4096;

  // Of the readings up to this one. The first one has no past, and tells by its stalls alone.
  bool Judge(const MemoryPressure& reading);

 private:
  std::optional<int64_t> limit_hits_;
  std::optional<int64_t> file_refaults_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_MEMORY_SHORTAGE_H_
