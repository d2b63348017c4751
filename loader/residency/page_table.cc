#include "loader/residency/page_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace {

constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr int64_t kEntriesAtOnce = 512;

// Calls `visit` with how many of the next pages are mapped, of how many, until it returns false.
// False where the system does not tell.
template <typename Visit>
bool ForEachBlock(int descriptor, absl::Span<const std::byte> bytes, Visit visit) {
  if (descriptor < 0) return false;
  const auto first = static_cast<int64_t>(reinterpret_cast<uintptr_t>(bytes.data())) / PageBytes();
  const auto last =
      static_cast<int64_t>(reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size() - 1) /
      PageBytes();
  std::array<uint64_t, kEntriesAtOnce> entries;
  for (int64_t page = first; page <= last;) {
    const int64_t count = std::min(kEntriesAtOnce, last - page + 1);
    const auto wanted = static_cast<size_t>(count) * sizeof(uint64_t);
    if (pread(descriptor, entries.data(), wanted,
              static_cast<off_t>(page * static_cast<int64_t>(sizeof(uint64_t)))) !=
        static_cast<ssize_t>(wanted)) {
      return false;
    }
    const int64_t mapped = std::count_if(entries.begin(), entries.begin() + count,
                                         [](uint64_t entry) { return (entry & kPresent) != 0; });
    if (!visit(mapped, count)) return true;
    page += count;
  }
  return true;
}

}  // namespace

PageTable::PageTable() : descriptor_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}

std::optional<int64_t> PageTable::CountMapped(absl::Span<const std::byte> bytes) const {
  if (bytes.empty()) return 0;
  int64_t total = 0;
  const bool told = ForEachBlock(descriptor_.get(), bytes, [&total](int64_t mapped, int64_t) {
    total += mapped;
    return true;
  });
  return told ? std::optional<int64_t>(total) : std::nullopt;
}

bool PageTable::AllMapped(absl::Span<const std::byte> bytes) const {
  if (bytes.empty()) return true;
  bool all = true;
  const bool told = ForEachBlock(descriptor_.get(), bytes, [&all](int64_t mapped, int64_t count) {
    all = mapped == count;
    return all;
  });
  return told && all;
}

}  // namespace firstlight
