#ifndef FIRSTLIGHT_LOADER_RESIDENCY_IO_ACCOUNTING_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_IO_ACCOUNTING_H_

// What a thread has read from storage and how many faults it has taken, from its start on: the
// difference of two readings is what was paid between them.
//
// Bytes are those that block devices and most network file systems were asked for, read-ahead
// included, which one major fault hides up to 64 MiB of. A FUSE file system's count for its daemon
// and not here.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace firstlight {

struct FaultCounts {
  int64_t minor = 0;
  int64_t major = 0;
};

// Of the calling thread.
FaultCounts FaultsOfThisThread();

// The calling thread's id, for StorageBytesRead.
pid_t ThisThreadId();

// read_bytes of /proc/self/task/TID/io; empty where it cannot be read (a kernel without task I/O
// accounting, a process that is not dumpable, a thread that has ended). Costs about 5 µs. `proc` is
// "/proc" but in tests.
std::optional<int64_t> StorageBytesRead(pid_t thread, const std::string& proc = "/proc");

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_IO_ACCOUNTING_H_
