#include "server/process/process_clock.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

namespace firstlight {

absl::Duration TimeSinceExec() {
  std::ifstream file("/proc/self/stat");
  std::stringstream contents;
  contents << file.rdbuf();
  const std::string stat = contents.str();
  // The second field, in parentheses, may hold anything; the start is the twentieth after it.
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string field;
  for (int i = 0; i < 19; ++i) fields >> field;
  int64_t ticks = 0;
  const int64_t ticks_per_second = sysconf(_SC_CLK_TCK);
  timespec now = {};
  if (!(fields >> ticks) || ticks_per_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    return absl::ZeroDuration();
  }
  const absl::Duration start = absl::Seconds(1) * ticks / ticks_per_second;
  return std::max(absl::DurationFromTimespec(now) - start, absl::ZeroDuration());
}

}  // namespace firstlight
