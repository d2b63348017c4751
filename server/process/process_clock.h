#ifndef FIRSTLIGHT_SERVER_PROCESS_PROCESS_CLOCK_H_
#define FIRSTLIGHT_SERVER_PROCESS_PROCESS_CLOCK_H_

#include "absl/time/time.h"

namespace firstlight {

// How long ago the kernel started this process, from /proc/self/stat: to a hundredth of a second,
// which is how finely that counts. Zero where it cannot be told.
absl::Duration TimeSinceExec();

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_PROCESS_CLOCK_H_
