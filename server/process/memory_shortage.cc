#include "server/process/memory_shortage.h"

#include <utility>

namespace firstlight {
namespace {

// By how much a counter has grown; 0 where it is not told.
int64_t Growth(std::optional<int64_t>* last, const std::optional<int64_t>& now) {
  const std::optional<int64_t> before = std::exchange(*last, now);
  return before.has_value() && now.has_value() ? *now - *before : 0;
}

}  // namespace

bool MemoryShortage::Judge(const MemoryPressure& reading) {
  const int64_t hits = Growth(&limit_hits_, reading.limit_hits);
  const int64_t refaults = Growth(&file_refaults_, reading.file_refaults);
  if (reading.some.has_value() && reading.some->average_10s > kStallPercent) return true;
  return hits > 0 && refaults > kRefaults;
}

}  // namespace firstlight
