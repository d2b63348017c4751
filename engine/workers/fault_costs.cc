#include "engine/workers/fault_costs.h"

#include <sys/resource.h>

namespace firstlight {

FaultCosts CountThreadFaults() {
  constexpr int64_t kBlockBytes = 512;  // the unit of ru_inblock, whatever the device's
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return {.storage_bytes = usage.ru_inblock * kBlockBytes,
          .major_faults = usage.ru_majflt,
          .minor_faults = usage.ru_minflt};
}

}  // namespace firstlight
