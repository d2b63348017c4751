#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PIN_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PIN_H_

// Keeps mapped bytes in memory with mlock, within a limit that all pins of a process share.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/base/mutex.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

// What may be pinned and what is. Thread-safe; outlives the pins made from it.
class PinLimit {
 public:
  explicit PinLimit(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  int64_t limit_bytes() const { return limit_bytes_; }
  int64_t pinned_bytes() const;

 private:
  friend class PinnedPages;
  absl::Status Take(int64_t bytes);
  void GiveBack(int64_t bytes);

  const int64_t limit_bytes_;
  mutable Mutex mutex_;
  int64_t pinned_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Some bytes that stay in memory for as long as this object. The mappings outlive it. Pins nest
// badly in the system: bytes that two objects pin are free when the first of them goes.
class PinnedPages {
 public:
  // Reads what is not in memory: blocks on the disk, so populate first. Ranges without a file are
  // left out.
  //   RESOURCE_EXHAUSTED  beyond `limit`, or beyond RLIMIT_MEMLOCK without CAP_IPC_LOCK, or no
  //                       memory; nothing is pinned then
  //   DATA_LOSS           the file has shrunk or was written
  static absl::StatusOr<std::unique_ptr<PinnedPages>> Pin(PinLimit* limit,
                                                          absl::Span<const ByteRange> ranges);
  ~PinnedPages();
  PinnedPages(const PinnedPages&) = delete;
  PinnedPages& operator=(const PinnedPages&) = delete;

  int64_t bytes() const { return bytes_; }

 private:
  explicit PinnedPages(PinLimit* limit) : limit_(limit) {}

  PinLimit* const limit_;
  std::vector<ByteRange> ranges_;  // those that are locked
  int64_t bytes_ = 0;              // taken from the limit
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PIN_H_
