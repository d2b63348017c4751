#ifndef FIRSTLIGHT_BENCH_COLD_STORAGE_H_
#define FIRSTLIGHT_BENCH_COLD_STORAGE_H_

// Files that are not in memory, how fast they can be read at best, and the settings of the device
// that they lie on. Settings are put back when the object that changed them goes.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firstlight {

// Drops `files` from the page cache: all caches as root, else these files, which works while nobody
// maps their pages. Says how. FAILED_PRECONDITION when they are still there.
absl::StatusOr<std::string> DropFromMemory(const std::vector<std::string>& files);

enum class RawRead {
  kSequential,  // read(2), 8 MiB buffers
  kParallel,    // 8 threads of 16 MiB pread
  kPopulate,    // 8 threads of 16 MiB MADV_POPULATE_READ
};
// Time to read all bytes of `files`, which are dropped before. UNIMPLEMENTED where the system
// cannot.
absl::StatusOr<absl::Duration> TimeRawRead(const std::vector<std::string>& files, RawRead how);
// The way whose median of three is the least.
absl::StatusOr<RawRead> FastestRawRead(const std::vector<std::string>& files);

// The read-ahead of the block device that a file lies on.
class ReadAhead {
 public:
  // NOT_FOUND where the file lies on no block device that says.
  static absl::StatusOr<std::unique_ptr<ReadAhead>> Of(const std::string& file);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  int64_t original_kib() const { return original_kib_; }
  // PERMISSION_DENIED where it is not ours to set.
  absl::Status Set(int64_t kib);

 private:
  ReadAhead(std::string path, int64_t kib) : path_(std::move(path)), original_kib_(kib) {}

  const std::string path_;  // .../queue/read_ahead_kb
  const int64_t original_kib_;
};

// Lets this process read no more than so much of a device in a second, through a control group of
// its own (v1 or v2).
class ReadLimit {
 public:
  // PERMISSION_DENIED where that is not ours to do.
  static absl::StatusOr<std::unique_ptr<ReadLimit>> Of(const std::string& file,
                                                       int64_t bytes_per_second);
  ~ReadLimit();
  ReadLimit(const ReadLimit&) = delete;
  ReadLimit& operator=(const ReadLimit&) = delete;

 private:
  ReadLimit(std::string group, std::string home)
      : group_(std::move(group)), home_(std::move(home)) {}

  const std::string group_;  // the control group's directory
  const std::string home_;   // where the process was before
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_COLD_STORAGE_H_
