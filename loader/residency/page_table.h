#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PAGE_TABLE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PAGE_TABLE_H_

// Which pages this process has mapped, read from /proc/self/pagemap: the present bit of each page's
// 8 bytes, which needs no privilege. Touches no page. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "loader/file.h"

namespace firstlight {

class PageTable {
 public:
  // Opens the page map: some microseconds.
  PageTable();

  // Whether the system tells. It does not where /proc is missing or the process is not dumpable.
  bool available() const { return descriptor_.get() >= 0; }

  // Of the pages that `bytes` touches, how many are mapped. Empty where the system does not tell.
  // About 0.1 ms for 4,096 pages.
  std::optional<int64_t> CountMapped(absl::Span<const std::byte> bytes) const;
  // Whether all are; false where the system does not tell. Stops at the first that is not.
  bool AllMapped(absl::Span<const std::byte> bytes) const;

 private:
  const FileDescriptor descriptor_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PAGE_TABLE_H_
