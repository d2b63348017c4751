#ifndef FIRSTLIGHT_LOADER_RESIDENCY_RELEASE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_RELEASE_H_

// Gives the memory of mapped bytes back to the system. The mapping stays: whoever touches a page
// afterwards reads it again, and computes the same.
//
// First the page tables (MADV_DONTNEED), then the page cache (POSIX_FADV_DONTNEED), which keeps a
// page for as long as any process maps it. Neither needs to own the file, where MADV_PAGEOUT
// silently does nothing.
//
// Takes milliseconds for each GB: not on a request thread and not on the engine's.

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

struct ReleasedBytes {
  int64_t bytes = 0;  // of the ranges, in whole pages
  // Were mapped before and no more after.
  std::optional<int64_t> unmapped;
  // Were in the page cache before and no more after. Pages that other processes map stay. Empty
  // where the system does not tell (page_cache.h).
  std::optional<int64_t> uncached;
};

// Ranges without a file are left out. What is read meanwhile may stay.
ReleasedBytes ReleasePages(absl::Span<const ByteRange> ranges);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_RELEASE_H_
