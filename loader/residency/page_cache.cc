#include "loader/residency/page_cache.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "loader/base/strings.h"
#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace {

// cachestat(2), of Linux 6.5, as its manual page declares it; the C library does not.
constexpr int64_t kCachestatCall = 451;
struct CachestatRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};
struct Cachestat {
  uint64_t cached = 0;
  uint64_t dirty = 0;
  uint64_t writeback = 0;
  uint64_t evicted = 0;
  uint64_t recently_evicted = 0;
};

// 0, or the error.
int CallCachestat(int descriptor, CachestatRange range, Cachestat* result) {
  return syscall(kCachestatCall, descriptor, &range, result, 0) == 0 ? 0 : errno;
}

bool HasFileOwnerCapability() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data = {};
  return syscall(SYS_capget, &header, data.data()) == 0 &&
         (data[0].effective & (1U << CAP_FOWNER)) != 0;
}

// The rule by which mincore tells the truth (can_do_mincore in the kernel's mm/mincore.c). Where it
// cannot be known from here the answer is no.
bool OwnsOrMayWrite(const MappedFile& file) {
  struct stat status = {};
  if (fstat(file.descriptor(), &status) != 0) return false;
  if (status.st_uid == geteuid()) return true;
  const std::string path = StrCat("/proc/self/fd/", file.descriptor());
  if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return true;
  // A capability counts for owners that the user namespace knows; others appear as this one.
  constexpr uid_t kOverflowUser = 65534;
  return status.st_uid != kOverflowUser && HasFileOwnerCapability();
}

}  // namespace

PageCacheMethod PageCacheMethodFor(const MappedFile& file) {
  Cachestat ignored;
  const CachestatRange first_page = {.length = static_cast<uint64_t>(PageBytes())};
  if (CallCachestat(file.descriptor(), first_page, &ignored) == 0)
    return PageCacheMethod::kCachestat;
  // An older kernel, or a sandbox that does not know the call.
  return OwnsOrMayWrite(file) ? PageCacheMethod::kMincore : PageCacheMethod::kNone;
}

std::optional<int64_t> CountResident(const MappedFile& file, absl::Span<const std::byte> bytes,
                                     PageCacheMethod method) {
  if (method == PageCacheMethod::kNone) return std::nullopt;
  if (bytes.empty()) return 0;
  const auto page = static_cast<size_t>(PageBytes());
  const auto offset = static_cast<size_t>(bytes.data() - file.bytes().data());
  const size_t begin = offset / page * page;
  const size_t end = (offset + bytes.size() + page - 1) / page * page;
  if (method == PageCacheMethod::kCachestat) {
    Cachestat result;
    if (CallCachestat(file.descriptor(), {.offset = begin, .length = end - begin}, &result) != 0) {
      return std::nullopt;
    }
    // Some kernels count the whole of a large folio that the range only touches.
    return static_cast<int64_t>(std::min<uint64_t>(result.cached, (end - begin) / page));
  }
  int64_t resident = 0;
  constexpr size_t kPagesAtOnce = 4096;
  std::vector<unsigned char> vector(std::min(kPagesAtOnce, (end - begin) / page));
  for (size_t at = begin; at < end;) {
    const size_t count = std::min(vector.size(), (end - at) / page);
    auto* const address = const_cast<std::byte*>(file.bytes().data() + at);
    if (mincore(address, count * page, vector.data()) != 0) return std::nullopt;
    resident += std::count_if(vector.begin(), vector.begin() + static_cast<ptrdiff_t>(count),
                              [](unsigned char flags) { return (flags & 1) != 0; });
    at += count * page;
  }
  return resident;
}

}  // namespace firstlight
