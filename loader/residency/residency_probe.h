#ifndef FIRSTLIGHT_LOADER_RESIDENCY_RESIDENCY_PROBE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_RESIDENCY_PROBE_H_

// How much of some mapped bytes is in memory, estimated from a sample: mapped, in this process's
// page tables (touching it costs nothing), and resident, in the page cache (touching it costs a
// fault, but no disk).
//
// What cannot be known truthfully is absent rather than wrong. Mapped needs no privilege and is
// known wherever /proc is. Resident is known for files that the process owns or may write
// (page_cache.h says why): for a model that an unprivileged process may only read it is absent.
//
// A sample looks at 4,096 pages at most, or at all of them where there are no more, and stops after
// 2 ms. Its pages are runs of eight neighbours, one run in each of equally long stretches, at a
// place in the stretch that the seed decides; stretches are visited in an order in which each
// prefix is spread over the whole, so that a sample cut short is one of the whole still.
//
// Touches no page, takes no lock, thread-safe. Tells nothing about what is read meanwhile.

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "loader/residency/page_cache.h"
#include "loader/residency/page_reader.h"
#include "loader/residency/page_table.h"

namespace firstlight {

struct ResidencySample {
  int64_t bytes = 0;          // of the ranges, in whole pages
  int64_t sampled_bytes = 0;  // of them, those looked at
  // Of all of them, as the sample lets expect: `bytes` where every page looked at is.
  std::optional<int64_t> mapped_bytes;
  std::optional<int64_t> resident_bytes;
  // The weakest that any of the files had to be asked by.
  PageCacheMethod method = PageCacheMethod::kNone;

  // The same as shares of `bytes`, 0 to 1; unset where there are no bytes. Exactly 1 where every
  // page looked at is mapped, or resident.
  std::optional<double> mapped_share() const;
  std::optional<double> resident_share() const;
};

class ResidencyProbe {
 public:
  struct Options {
    int64_t max_pages = 4096;
    absl::Duration max_time = absl::Milliseconds(2);
    uint64_t seed = 0;
  };

  explicit ResidencyProbe(const Options& options) : options_(options) {}
  ResidencyProbe() : ResidencyProbe(Options()) {}

  // Ranges without a file are left out. Ranges may overlap: a page counts once.
  ResidencySample Sample(absl::Span<const ByteRange> ranges) const;

  // What firstlight_residency_probe_info{method} says where `method` is the weakest that a file had
  // to be asked by: "pagemap+cachestat", "pagemap+mincore", or "pagemap" where what is resident is
  // not told; without "pagemap" where the page tables are not; "none".
  std::string_view MethodName(PageCacheMethod method) const;

 private:
  const Options options_;
  const PageTable page_table_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_RESIDENCY_PROBE_H_
