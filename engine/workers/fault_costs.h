#ifndef FIRSTLIGHT_ENGINE_WORKERS_FAULT_COSTS_H_
#define FIRSTLIGHT_ENGINE_WORKERS_FAULT_COSTS_H_

// What threads had to wait for because memory that they touched was not there.
//
// Faults alone say little: one major fault can bring in megabytes by read-ahead. The bytes are what
// the block layer was asked for on the thread's behalf, read-ahead included.

#include <cstdint>

namespace firstlight {

struct FaultCosts {
  int64_t storage_bytes = 0;  // read from storage
  int64_t major_faults = 0;   // that waited for storage
  int64_t minor_faults = 0;   // for pages that were in memory and not in the page tables

  FaultCosts& operator+=(const FaultCosts& other) {
    storage_bytes += other.storage_bytes;
    major_faults += other.major_faults;
    minor_faults += other.minor_faults;
    return *this;
  }
  friend FaultCosts operator-(const FaultCosts& a, const FaultCosts& b) {
    return {.storage_bytes = a.storage_bytes - b.storage_bytes,
            .major_faults = a.major_faults - b.major_faults,
            .minor_faults = a.minor_faults - b.minor_faults};
  }
  friend bool operator==(const FaultCosts&, const FaultCosts&) = default;
};

// Of the calling thread, since it began. Costs under a microsecond.
FaultCosts CountThreadFaults();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_WORKERS_FAULT_COSTS_H_
