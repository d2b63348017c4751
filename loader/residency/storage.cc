#include "loader/residency/storage.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "loader/base/strings.h"
#include "loader/residency/proc_file.h"

namespace firstlight {
namespace {

// Of linux/magic.h and the file systems' own headers, which not every kernel's headers have.
constexpr std::array<uint64_t, 11> kSequentialFileSystems = {
    0x65735546,  // FUSE and virtiofs
    0x6969,      // NFS
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x517B,      // SMB
    0x01021997,  // 9p
    0x00C36400,  // Ceph
    0x5346414F,  // AFS
    0x73757245,  // Coda
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
};

std::optional<int64_t> ReadAheadKib(uint64_t device, const std::string& root) {
  const std::string number = StrCat(major(device), ":", minor(device));
  const std::optional<std::string> text =
      ReadProcFile(StrCat(root, "sys/class/bdi/", number, "/read_ahead_kb"));
  // A partition shares the disk's.
  const std::optional<std::string> of_disk =
      text.has_value()
          ? text
          : ReadProcFile(StrCat(root, "sys/dev/block/", number, "/../queue/read_ahead_kb"));
  int64_t kibibytes = 0;
  if (!of_disk.has_value() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*of_disk), &kibibytes)) {
    return std::nullopt;
  }
  return kibibytes;
}

}  // namespace

bool WantsSequentialReads(uint64_t file_system_magic) {
  return std::find(kSequentialFileSystems.begin(), kSequentialFileSystems.end(),
                   file_system_magic) != kSequentialFileSystems.end();
}

Storage StorageOfFile(const MappedFile& file, const std::string& root) {
  const uint64_t device = file.identity().device;
  return {.device = device,
          .sequential = file.file_system().has_value() && WantsSequentialReads(*file.file_system()),
          .read_ahead_kib = ReadAheadKib(device, root)};
}

}  // namespace firstlight
