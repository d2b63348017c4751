#include "loader/residency/pin.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace {

std::string MemlockLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : StrCat(limit.rlim_cur, " bytes");
}

// mlock's errors: mlock(2). What the file did looks there like no memory.
absl::Status WhyNotLocked(const ByteRange& range, int64_t bytes, int error) {
  FIRSTLIGHT_RETURN_IF_ERROR(range.file->CheckUnchanged());
  if (error == ENOMEM || error == EPERM) {
    return absl::ResourceExhaustedError(
        StrCat(range.file->path(), ": expected to pin ", bytes, " bytes, but RLIMIT_MEMLOCK is ",
               MemlockLimit(),
               ": raise it (ulimit -l, LimitMEMLOCK=, --ulimit memlock) or give CAP_IPC_LOCK"));
  }
  return absl::ResourceExhaustedError(
      StrCat(range.file->path(), ": cannot be pinned: ", strerror(error)));
}

}  // namespace

int64_t PinLimit::pinned_bytes() const {
  MutexLock lock(&mutex_);
  return pinned_bytes_;
}

absl::Status PinLimit::Take(int64_t bytes) {
  MutexLock lock(&mutex_);
  if (bytes > limit_bytes_ - pinned_bytes_) {
    return absl::ResourceExhaustedError(StrCat("expected to pin ", bytes, " bytes, but ",
                                               pinned_bytes_, " of the limit of ", limit_bytes_,
                                               " are pinned already"));
  }
  pinned_bytes_ += bytes;
  return absl::OkStatus();
}

void PinLimit::GiveBack(int64_t bytes) {
  MutexLock lock(&mutex_);
  pinned_bytes_ -= bytes;
}

absl::StatusOr<std::unique_ptr<PinnedPages>> PinnedPages::Pin(PinLimit* limit,
                                                              absl::Span<const ByteRange> ranges) {
  const std::vector<ByteRange> whole = WholePages(ranges);
  int64_t bytes = 0;
  for (const ByteRange& range : whole) bytes += static_cast<int64_t>(range.bytes.size());
  FIRSTLIGHT_RETURN_IF_ERROR(limit->Take(bytes));
  std::unique_ptr<PinnedPages> pinned(new PinnedPages(limit));
  pinned->bytes_ = bytes;
  for (const ByteRange& range : whole) {
    if (mlock(range.bytes.data(), range.bytes.size()) != 0) {
      const int error = errno;
      // What mlock has done of a range that it failed in the middle of is undone as well.
      munlock(range.bytes.data(), range.bytes.size());
      return WhyNotLocked(range, bytes, error);
    }
    pinned->ranges_.push_back(range);
  }
  return pinned;
}

PinnedPages::~PinnedPages() {
  for (const ByteRange& range : ranges_) munlock(range.bytes.data(), range.bytes.size());
  limit_->GiveBack(bytes_);
}

}  // namespace firstlight
