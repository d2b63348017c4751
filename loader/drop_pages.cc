#include "loader/drop_pages.h"

#include <sys/mman.h>

#include <algorithm>

namespace firstlight {
namespace {

// Some twenty microseconds.
constexpr size_t kPieceBytes = size_t{16} << 20;

}  // namespace

void DropPages(const void* address, size_t bytes) {
  auto* const first = static_cast<std::byte*>(const_cast<void*>(address));
  for (size_t offset = 0; offset < bytes; offset += kPieceBytes) {
    madvise(first + offset, std::min(kPieceBytes, bytes - offset), MADV_DONTNEED);
  }
}

}  // namespace firstlight
