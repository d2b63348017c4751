#ifndef FIRSTLIGHT_LOADER_RESIDENCY_FAULT_GUARD_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_FAULT_GUARD_H_

// Surviving SIGBUS: what touching a mapped page raises when its file was truncated, when the disk
// cannot read it, or when its memory is broken.
//
// A GuardedRange says that some mapped bytes may be lost without the process being lost. While a
// FaultGuard is installed, a fault inside such a range marks it damaged, puts zeros in the place of
// the rest of it, and lets the thread go on: what it computes is worthless, and whoever ordered it
// asks damage() before any of it is used. A fault anywhere else, and a SIGBUS that somebody sent,
// goes to whoever had the signal before, which by default ends the process with a core dump.
//
// The table of ranges is the process's, as signal handlers are: registering needs no FaultGuard,
// and the handler reads it without locks. No thread needs an alternate stack: the handler runs on
// the stack of the thread that faulted, which was good enough to fault on.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace firstlight {

namespace fault_guard_internal {
struct Slot;
}  // namespace fault_guard_internal

// Registers a read-only mapping for as long as it lives. REQUIRES: `bytes` begins at a page, and is
// mapped until this is destroyed. Registering takes a lock and may allocate; not in a signal
// handler.
class GuardedRange {
 public:
  explicit GuardedRange(absl::Span<const std::byte> bytes);
  ~GuardedRange();
  GuardedRange(const GuardedRange&) = delete;
  GuardedRange& operator=(const GuardedRange&) = delete;

  // The offset of the first fault into the range; empty while there was none. From that fault on,
  // bytes from there to the end of the range read as zero. Any thread, one atomic load: what a
  // thread computed from the range before this was asked is sound when the answer is empty and the
  // thread's work happened before the question.
  std::optional<int64_t> damage() const;

 private:
  fault_guard_internal::Slot* const slot_;
};

// The signal handler, from Install to destruction. One at a time in a process.
class FaultGuard {
 public:
  // FAILED_PRECONDITION when there is one already; INTERNAL when the system refuses.
  static absl::StatusOr<std::unique_ptr<FaultGuard>> Install();
  // Puts the handler that was there before back. No guarded range may be read meanwhile.
  ~FaultGuard();
  FaultGuard(const FaultGuard&) = delete;
  FaultGuard& operator=(const FaultGuard&) = delete;

 private:
  FaultGuard() = default;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_FAULT_GUARD_H_
