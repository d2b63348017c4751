#include "loader/residency/mapped_page_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/residency/io_accounting.h"
#include "loader/residency/page_cache.h"
#include "loader/residency/page_table.h"
#include "loader/residency/prefetch_pieces.h"
#include "loader/residency/storage.h"

// Of Linux 5.14; the headers may be older.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace firstlight {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

// A device that reads ahead less than this is asked for a whole range at once: faults alone would
// have it wait for each of its small requests before the next.
constexpr int64_t kLargeReadAheadKib = 2048;

// Something of `range` cannot be read: what is the matter?
absl::Status Damage(const ByteRange& range, int error) {
  FIRSTLIGHT_RETURN_IF_ERROR(range.file->CheckUnchanged());
  return absl::DataLossError(
      StrCat(range.file->path(), ": expected to read ", range.bytes.size(), " bytes at offset ",
             range.bytes.data() - range.file->bytes().data(), ", found: ", strerror(error)));
}

// Reads what is not in the page cache into it. DATA_LOSS as Populate.
absl::Status ReadAndDiscard(const ByteRange& range) {
  std::vector<std::byte> buffer(std::min(kReadBytes, range.bytes.size()));
  const auto begin = static_cast<size_t>(range.bytes.data() - range.file->bytes().data());
  for (size_t done = 0; done < range.bytes.size();) {
    const size_t wanted = std::min(buffer.size(), range.bytes.size() - done);
    const ssize_t count =
        pread(range.file->descriptor(), buffer.data(), wanted, static_cast<off_t>(begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Damage(range, count < 0 ? errno : EIO);
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

// Of `ranges`, what is not in the page cache; empty where the system does not tell.
std::optional<int64_t> CountUncachedBytes(const std::vector<ByteRange>& ranges) {
  int64_t bytes = 0;
  for (const ByteRange& range : ranges) {
    const std::optional<int64_t> resident =
        CountResident(*range.file, range.bytes, PageCacheMethodFor(*range.file));
    if (!resident.has_value()) return std::nullopt;
    bytes +=
        std::max<int64_t>(static_cast<int64_t>(range.bytes.size()) - *resident * PageBytes(), 0);
  }
  return bytes;
}

class MappedPageReader : public PageReader {
 public:
  explicit MappedPageReader(const MappedPageReaderOptions& options)
      : options_(options), can_populate_(!options.without_populate) {}

  absl::StatusOr<ReadCost> Populate(absl::Span<const ByteRange> ranges) override {
    const absl::Time start = absl::Now();
    const std::optional<int64_t> read_before = StorageBytesRead(ThisThreadId());
    const FaultCounts faults_before = FaultsOfThisThread();
    ReadCost cost;
    std::vector<ByteRange> absent;
    for (const ByteRange& range : ranges) {
      cost.bytes_populated += static_cast<int64_t>(range.bytes.size());
      if (!page_table_.AllMapped(range.bytes)) absent.push_back(range);
    }
    // The daemon or the network of such a file system does the reading, and not this thread.
    const Storage storage = absent.empty() ? Storage() : StorageOf(*absent.front().file);
    const std::optional<int64_t> uncached = storage.sequential ? CountUncachedBytes(absent) : 0;
    FIRSTLIGHT_RETURN_IF_ERROR(ReadAndMap(absent, storage));

    const std::optional<int64_t> read_after = StorageBytesRead(ThisThreadId());
    if (read_before.has_value() && read_after.has_value() && uncached.has_value()) {
      cost.bytes_read = std::max(*read_after - *read_before, *uncached);
    }
    const FaultCounts faults_after = FaultsOfThisThread();
    cost.minor_faults = faults_after.minor - faults_before.minor;
    cost.major_faults = faults_after.major - faults_before.major;
    cost.elapsed = absl::Now() - start;
    return cost;
  }

  Storage StorageOf(const MappedFile& file) override {
    Storage storage = StorageOfFile(file, options_.root);
    storage.sequential |= options_.sequential;
    return storage;
  }

 private:
  absl::Status ReadAndMap(const std::vector<ByteRange>& ranges, const Storage& storage) {
    const bool reads_far_ahead = storage.read_ahead_kib.value_or(0) >= kLargeReadAheadKib;
    if (!storage.sequential && (ranges.size() > 1 || !reads_far_ahead)) {
      for (const ByteRange& range : ranges) {
        posix_fadvise(range.file->descriptor(), range.bytes.data() - range.file->bytes().data(),
                      static_cast<off_t>(range.bytes.size()), POSIX_FADV_WILLNEED);
      }
    }
    for (const ByteRange& range : ranges) {
      if (storage.sequential || !can_populate_.load(std::memory_order_relaxed)) {
        FIRSTLIGHT_RETURN_IF_ERROR(ReadAndDiscard(range));
      }
      FIRSTLIGHT_RETURN_IF_ERROR(Map(range));
    }
    return absl::OkStatus();
  }

  absl::Status Map(const ByteRange& range) {
    if (!can_populate_.load(std::memory_order_relaxed)) return absl::OkStatus();
    auto* const address = const_cast<std::byte*>(range.bytes.data());
    while (madvise(address, range.bytes.size(), MADV_POPULATE_READ) != 0) {
      switch (errno) {
        case EINTR:
        case EAGAIN:
          continue;
        case EINVAL:
          can_populate_.store(false, std::memory_order_relaxed);
          return ReadAndDiscard(range);
        case EFAULT:
        case EHWPOISON:
          return Damage(range, errno == EFAULT ? EIO : errno);
        default:  // no memory, say: not the file's fault
          return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

  const MappedPageReaderOptions options_;
  const PageTable page_table_;
  std::atomic<bool> can_populate_;
};

}  // namespace

std::unique_ptr<PageReader> NewMappedPageReader(const MappedPageReaderOptions& options) {
  return std::make_unique<MappedPageReader>(options);
}

}  // namespace firstlight
