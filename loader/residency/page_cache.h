#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PAGE_CACHE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PAGE_CACHE_H_

// Which pages of a file are in the page cache, asked of the kernel in a way that tells the truth.
//
// The kernel tells only those who own the file or may write it (what others have read is not
// everybody's business). To others cachestat refuses, and mincore reports every page as resident:
// in a correct container, all of them. So each file is asked for how it may be asked, and where
// there is no truthful way the answer is that there is none. Nothing here touches a page.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "loader/mapped_file.h"

namespace firstlight {

// kCachestat counts a range in one call; kMincore writes a byte for each page of it.
enum class PageCacheMethod { kNone, kMincore, kCachestat };

// How `file` may be asked. Some microseconds.
PageCacheMethod PageCacheMethodFor(const MappedFile& file);

// Of the pages that `bytes`, part of `file`, touches, how many are in the page cache. `method` is
// PageCacheMethodFor(file). Empty for kNone, and where the system refuses.
std::optional<int64_t> CountResident(const MappedFile& file, absl::Span<const std::byte> bytes,
                                     PageCacheMethod method);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PAGE_CACHE_H_
