#ifndef FIRSTLIGHT_LOADER_MAPPED_FILE_H_
#define FIRSTLIGHT_LOADER_MAPPED_FILE_H_

// One read-only mapping of a whole regular file, with its identity.
//
// Opening reads nothing of the file and costs microseconds whatever its size. The mapping and the
// descriptor behind it live as long as the object: a file that is renamed over or deleted keeps
// serving from here. Destroying it unmaps, which can take milliseconds for a large resident file:
// never on a request thread or the engine thread.
//
// A file that shrinks under its mapping raises SIGBUS in whoever touches the lost bytes
// (loader/residency/fault_guard.h), and one that is overwritten in place shows its new bytes.
// CheckUnchanged() tells.
//
// Thread-safe.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/residency/fault_guard.h"

namespace firstlight {

// What tells one state of one file from another.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size_bytes = 0;
  int64_t modified_nanoseconds = 0;  // since the Unix epoch

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class MappedFile {
 public:
  // Whose word is taken for a file's size and time: the file system's, which may block where that
  // is a network's or a process's, or what the kernel was told last, which waits for nobody. Of
  // local disks the two are the same.
  enum class Attributes { kAsked, kKnown };

  // Follows symbolic links. NOT_FOUND, PERMISSION_DENIED or RESOURCE_EXHAUSTED as the system says;
  // INVALID_ARGUMENT for anything but a regular file, and for an empty one.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // As given to Open.
  const std::string& path() const { return path_; }
  // The last component of path(): what messages call the file.
  std::string name() const;

  // The mapped bytes. Touching them may read the disk.
  absl::Span<const std::byte> bytes() const { return bytes_; }

  // The file as it was when it was opened.
  const FileIdentity& identity() const { return identity_; }
  // The magic number of the file system that it is on (statfs(2)), as that said when the file was
  // opened; empty where it did not say.
  std::optional<uint64_t> file_system() const { return file_system_; }
  // The same file now, which the directory entry may no longer name.
  absl::StatusOr<FileIdentity> CurrentIdentity(Attributes attributes = Attributes::kAsked) const;

  // DATA_LOSS, saying what was found, when the file has changed its size or was written since it
  // was opened, or when a page of it could not be read (loader/residency/fault_guard.h): what was
  // computed from it before is not to be used then. Renaming, deleting and linking it and its
  // permissions are no change. One system call, about a microsecond.
  absl::Status CheckUnchanged(Attributes attributes = Attributes::kAsked) const;

  // Why path() leads to this file no longer: "it was replaced by another file", "it was deleted or
  // its directory is gone". Empty while it does. The mapping serves on, so this is no error. May
  // block on the file system.
  std::string WhyDetached() const;

  // Fills `out` from `offset` by reading, not through the mapping: a file that has shrunk is
  // DATA_LOSS instead of a signal. Blocks on the disk.
  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const;

  // The descriptor behind the mapping, for advice and residency calls. Owned by this object.
  int descriptor() const { return descriptor_; }

 private:
  MappedFile(std::string path, int descriptor, FileIdentity identity,
             std::optional<uint64_t> file_system, absl::Span<const std::byte> bytes);

  const std::string path_;
  const int descriptor_;
  const FileIdentity identity_;
  const std::optional<uint64_t> file_system_;
  const absl::Span<const std::byte> bytes_;
  std::optional<GuardedRange> guard_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_MAPPED_FILE_H_
