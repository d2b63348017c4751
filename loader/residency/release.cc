#include "loader/residency/release.h"

#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "loader/drop_pages.h"
#include "loader/residency/page_cache.h"
#include "loader/residency/page_table.h"
#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace {

struct Held {
  std::optional<int64_t> mapped_pages;
  std::optional<int64_t> cached_pages;
};

void Add(std::optional<int64_t>* sum, std::optional<int64_t> pages) {
  if (sum->has_value() && pages.has_value()) {
    **sum += *pages;
  } else {
    sum->reset();
  }
}

Held Count(const std::vector<ByteRange>& ranges, const PageTable& page_table) {
  Held held{.mapped_pages = 0, .cached_pages = 0};
  for (const ByteRange& range : ranges) {
    Add(&held.mapped_pages, page_table.CountMapped(range.bytes));
    Add(&held.cached_pages,
        CountResident(*range.file, range.bytes, PageCacheMethodFor(*range.file)));
  }
  return held;
}

// In bytes, never less than none: others may have read meanwhile.
std::optional<int64_t> Difference(std::optional<int64_t> before, std::optional<int64_t> after) {
  if (!before.has_value() || !after.has_value()) return std::nullopt;
  return std::max<int64_t>(*before - *after, 0) * PageBytes();
}

}  // namespace

ReleasedBytes ReleasePages(absl::Span<const ByteRange> ranges) {
  const PageTable page_table;
  const std::vector<ByteRange> whole = WholePages(ranges);
  const Held before = Count(whole, page_table);
  ReleasedBytes released;
  for (const ByteRange& range : whole) {
    released.bytes += static_cast<int64_t>(range.bytes.size());
    DropPages(range.bytes.data(), range.bytes.size());
    const auto offset = static_cast<off_t>(range.bytes.data() - range.file->bytes().data());
    const auto length = static_cast<off_t>(range.bytes.size());
    const bool to_the_end = range.bytes.end() == range.file->bytes().end();
    // Part of a page stays; 0 is up to the end of the file, its last page included.
    posix_fadvise(range.file->descriptor(), offset, to_the_end ? 0 : length, POSIX_FADV_DONTNEED);
  }
  const Held after = Count(whole, page_table);
  released.unmapped = Difference(before.mapped_pages, after.mapped_pages);
  released.uncached = Difference(before.cached_pages, after.cached_pages);
  return released;
}

}  // namespace firstlight
