#include "loader/residency/residency_probe.h"

#include <algorithm>
#include <bit>
#include <map>
#include <vector>

#include "absl/time/clock.h"
#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace {

constexpr int64_t kRunPages = 8;

// A bijection that spreads neighbouring numbers over all 64 bits: the finalizer of SplitMix64
// (Steele, Lea and Flood, 2014).
uint64_t Mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

uint64_t ReverseBits(uint64_t value, int bits) {
  uint64_t reversed = 0;
  for (int bit = 0; bit < bits; ++bit) reversed |= ((value >> bit) & 1) << (bits - 1 - bit);
  return reversed;
}

// Pages of `ranges` one after the other, as one line of them.
class PageLine {
 public:
  explicit PageLine(const std::vector<ByteRange>& ranges) : ranges_(ranges) {
    for (const ByteRange& range : ranges) {
      begins_.push_back(pages_);
      pages_ += (static_cast<int64_t>(range.bytes.size()) + PageBytes() - 1) / PageBytes();
      bytes_ += static_cast<int64_t>(range.bytes.size());
    }
  }
  int64_t pages() const { return pages_; }
  int64_t bytes() const { return bytes_; }

  // Of the `count` pages from `first` on, those that are in one range with the first.
  ByteRange Run(int64_t first, int64_t count) const {
    const auto after = std::upper_bound(begins_.begin(), begins_.end(), first);
    const size_t index = static_cast<size_t>(after - begins_.begin()) - 1;
    const ByteRange& range = ranges_[index];
    const auto offset = static_cast<size_t>((first - begins_[index]) * PageBytes());
    return {.bytes = range.bytes.subspan(offset, static_cast<size_t>(count * PageBytes())),
            .file = range.file};
  }

 private:
  const std::vector<ByteRange>& ranges_;
  std::vector<int64_t> begins_;
  int64_t pages_ = 0;
  int64_t bytes_ = 0;
};

// Sums up what is found, until something is not told.
class Tally {
 public:
  explicit Tally(bool told) : told_(told) {}
  bool told() const { return told_; }
  void Add(std::optional<int64_t> pages) {
    told_ = told_ && pages.has_value();
    pages_ += pages.value_or(0);
  }
  // As a share of `bytes`.
  std::optional<int64_t> Estimate(int64_t looked_at, int64_t bytes) const {
    if (!told_ || looked_at == 0) return std::nullopt;
    return static_cast<int64_t>(static_cast<double>(pages_) / static_cast<double>(looked_at) *
                                static_cast<double>(bytes));
  }

 private:
  bool told_;
  int64_t pages_ = 0;
};

std::optional<double> ShareOf(std::optional<int64_t> part, int64_t bytes) {
  if (!part.has_value() || bytes == 0) return std::nullopt;
  return static_cast<double>(*part) / static_cast<double>(bytes);
}

}  // namespace

std::optional<double> ResidencySample::mapped_share() const { return ShareOf(mapped_bytes, bytes); }
std::optional<double> ResidencySample::resident_share() const {
  return ShareOf(resident_bytes, bytes);
}

ResidencySample ResidencyProbe::Sample(absl::Span<const ByteRange> ranges) const {
  const absl::Time give_up = absl::Now() + options_.max_time;
  const std::vector<ByteRange> whole = WholePages(ranges);
  ResidencySample sample;
  sample.method = PageCacheMethod::kCachestat;
  std::map<const MappedFile*, PageCacheMethod> methods;
  for (const ByteRange& range : whole) {
    const auto [place, is_new] = methods.try_emplace(range.file, PageCacheMethod::kNone);
    if (is_new) {
      place->second = PageCacheMethodFor(*range.file);
      sample.method = std::min(sample.method, place->second);
    }
  }
  const PageLine line(whole);
  sample.bytes = line.bytes();
  if (line.pages() == 0) {
    sample.mapped_bytes = 0;
    sample.resident_bytes = 0;
    return sample;
  }

  Tally mapped(page_table_.available());
  Tally resident(sample.method != PageCacheMethod::kNone);
  int64_t looked_at = 0;
  const auto look_at = [&](int64_t first, int64_t count) {
    while (count > 0) {
      const ByteRange run = line.Run(first, count);
      const auto bytes = static_cast<int64_t>(run.bytes.size());
      const int64_t pages = (bytes + PageBytes() - 1) / PageBytes();
      looked_at += pages;
      sample.sampled_bytes += bytes;
      if (mapped.told()) mapped.Add(page_table_.CountMapped(run.bytes));
      if (resident.told()) {
        resident.Add(CountResident(*run.file, run.bytes, methods.at(run.file)));
      }
      first += pages;
      count -= pages;
    }
  };
  // All of a short line, in stretches of a run; else a run of each stretch.
  const int64_t runs = line.pages() <= options_.max_pages
                           ? (line.pages() + kRunPages - 1) / kRunPages
                           : std::max<int64_t>(options_.max_pages / kRunPages, 1);
  const int bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(runs - 1)));
  for (uint64_t step = 0; step < uint64_t{1} << bits; ++step) {
    const auto stretch = static_cast<int64_t>(ReverseBits(step, bits));
    if (stretch >= runs) continue;
    const int64_t begin = line.pages() * stretch / runs;
    const int64_t end = line.pages() * (stretch + 1) / runs;
    const int64_t count = std::min(kRunPages, end - begin);
    const int64_t places = end - begin - count + 1;
    const auto place = static_cast<int64_t>(Mix(options_.seed ^ static_cast<uint64_t>(stretch)) %
                                            static_cast<uint64_t>(places));
    look_at(begin + place, count);
    if (absl::Now() >= give_up) break;
  }
  sample.mapped_bytes = mapped.Estimate(looked_at, sample.bytes);
  sample.resident_bytes = resident.Estimate(looked_at, sample.bytes);
  return sample;
}

std::string_view ResidencyProbe::MethodName(PageCacheMethod method) const {
  switch (method) {
    case PageCacheMethod::kCachestat:
      return page_table_.available() ? "pagemap+cachestat" : "cachestat";
    case PageCacheMethod::kMincore:
      return page_table_.available() ? "pagemap+mincore" : "mincore";
    case PageCacheMethod::kNone:
      return page_table_.available() ? "pagemap" : "none";
  }
  return "none";
}

}  // namespace firstlight
