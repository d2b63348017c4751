#include "loader/residency/low_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace firstlight {
namespace {

// As ioprio_set(2) says: C++ cannot include every release of linux/ioprio.h, and glibc has none.
constexpr int kWhoProcess = 1;
constexpr int kClassBestEffort = 2;
constexpr int kClassShift = 13;

}  // namespace

void LowerThreadPriority() {
  // Not lower: populated pages need some CPU, and a cold model waits for them while other models'
  // workers take all that there is.
  constexpr int kNice = 10;
  constexpr int kLowestBestEffort = 7;
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
  const sched_param no_priority = {};
  sched_setscheduler(0, SCHED_BATCH, &no_priority);
  syscall(SYS_ioprio_set, kWhoProcess, 0, (kClassBestEffort << kClassShift) | kLowestBestEffort);
}

}  // namespace firstlight
