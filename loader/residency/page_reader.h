#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PAGE_READER_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PAGE_READER_H_

// Brings ranges of mapped files into memory: into the page cache, and into this process's page
// tables, so that whoever touches them afterwards takes no fault.
//
// The interface is what Prefetcher works through; tests hand in one that they hold by hand.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "loader/mapped_file.h"

namespace firstlight {

// Some bytes of a mapped file. Non-owning: valid as long as the file.
struct ByteRange {
  absl::Span<const std::byte> bytes;  // within file->bytes(); any alignment
  const MappedFile* file = nullptr;   // null: memory without a file, which is always there
};

// What bringing bytes in has cost the thread that did it.
struct ReadCost {
  int64_t bytes_populated = 0;  // whole pages, those that were there before included
  std::optional<int64_t> bytes_read =
      std::nullopt;          // from storage; empty where the system does not tell
  int64_t minor_faults = 0;  // pages that were in the page cache and had to be mapped
  int64_t major_faults = 0;  // pages that were waited for
  absl::Duration elapsed = absl::ZeroDuration();

  ReadCost& operator+=(const ReadCost& other);
};

// What a file lies on, as far as reading it fast depends on that.
struct Storage {
  uint64_t device = 0;
  // A network or FUSE file system: its server or daemon reads ahead for one reader in sequence,
  // and several readers at once make it seek. Read by one thread, in order.
  bool sequential = false;
  // read_ahead_kb of the device behind it; empty where there is none.
  std::optional<int64_t> read_ahead_kib = std::nullopt;
};

// Thread-safe.
class PageReader {
 public:
  virtual ~PageReader() = default;

  // Blocks until every page of `ranges` is in memory and mapped. `ranges` are of one file, apart,
  // ascending. DATA_LOSS, naming the file and what was found, when it has shrunk or cannot be read.
  // Anything else that keeps the system from populating (no memory, an old kernel) is no error:
  // whoever touches the pages then takes the faults.
  virtual absl::StatusOr<ReadCost> Populate(absl::Span<const ByteRange> ranges) = 0;

  // Waits for no file system and no device.
  virtual Storage StorageOf(const MappedFile& file) = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PAGE_READER_H_
