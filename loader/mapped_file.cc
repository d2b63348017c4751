#include "loader/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/time/time.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/drop_pages.h"
#include "loader/file.h"

namespace firstlight {
namespace {

FileIdentity IdentityOf(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = static_cast<uint64_t>(status.st_size),
          .modified_nanoseconds =
              int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

FileIdentity IdentityOf(const struct statx& status) {
  return {.device = makedev(status.stx_dev_major, status.stx_dev_minor),
          .inode = status.stx_ino,
          .size_bytes = status.stx_size,
          .modified_nanoseconds =
              int64_t{status.stx_mtime.tv_sec} * 1'000'000'000 + status.stx_mtime.tv_nsec};
}

std::optional<uint64_t> FileSystemOf(int descriptor) {
  struct statfs status = {};
  if (fstatfs(descriptor, &status) != 0) return std::nullopt;
  return static_cast<uint32_t>(
      status.f_type);  // 32 bits wide; the field is signed on some machines
}

std::string TimeText(int64_t unix_nanoseconds) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixNanos(unix_nanoseconds),
                          absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(FileDescriptor descriptor, OpenRegularFile(path));
  struct stat status = {};
  if (fstat(descriptor.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be examined"));
  }
  const FileIdentity identity = IdentityOf(status);
  if (identity.size_bytes == 0) {
    return absl::InvalidArgumentError(StrCat(path, ": the file is empty"));
  }
  // Shared, so that the pages are the page cache's own and can never become private copies.
  void* const address =
      mmap(nullptr, identity.size_bytes, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (address == MAP_FAILED) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be mapped"));
  }
  const std::optional<uint64_t> file_system = FileSystemOf(descriptor.get());
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, descriptor.Release(), identity, file_system,
                     {static_cast<const std::byte*>(address), identity.size_bytes}));
}

MappedFile::MappedFile(std::string path, int descriptor, FileIdentity identity,
                       std::optional<uint64_t> file_system, absl::Span<const std::byte> bytes)
    : path_(std::move(path)),
      descriptor_(descriptor),
      identity_(identity),
      file_system_(file_system),
      bytes_(bytes) {
  guard_.emplace(bytes_);
}

MappedFile::~MappedFile() {
  guard_.reset();  // while the addresses are still this file's
  DropPages(bytes_.data(), bytes_.size());
  munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  close(descriptor_);
}

std::string MappedFile::name() const { return path_.substr(path_.rfind('/') + 1); }

absl::StatusOr<FileIdentity> MappedFile::CurrentIdentity(Attributes attributes) const {
  if (attributes == Attributes::kKnown) {
    struct statx status = {};
    if (statx(descriptor_, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) ==
        0) {
      return IdentityOf(status);
    }
    // Filters of old container runtimes do not know it.
  }
  struct stat status = {};
  if (fstat(descriptor_, &status) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path_, ": cannot be examined"));
  }
  return IdentityOf(status);
}

absl::Status MappedFile::CheckUnchanged(Attributes attributes) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const FileIdentity current, CurrentIdentity(attributes));
  if (current.size_bytes != identity_.size_bytes) {
    return absl::DataLossError(StrCat(path_, ": expected ", identity_.size_bytes, " bytes, found ",
                                      current.size_bytes, ": the file was ",
                                      current.size_bytes < identity_.size_bytes
                                          ? "truncated while it was mapped"
                                          : "extended while it was mapped"));
  }
  if (current.modified_nanoseconds != identity_.modified_nanoseconds) {
    return absl::DataLossError(StrCat(path_, ": expected modification time ",
                                      TimeText(identity_.modified_nanoseconds), ", found ",
                                      TimeText(current.modified_nanoseconds),
                                      ": the file was written in place while it was mapped"));
  }
  if (const std::optional<int64_t> offset = guard_->damage(); offset.has_value()) {
    return absl::DataLossError(StrCat(path_, ": expected to read the page at offset ", *offset,
                                      ", found that it cannot be read"));
  }
  return absl::OkStatus();
}

std::string MappedFile::WhyDetached() const {
  struct stat status = {};
  if (stat(path_.c_str(), &status) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? "it was deleted or its directory is gone"
                                               : StrCat("it cannot be found: ", strerror(errno));
  }
  const FileIdentity named = IdentityOf(status);
  if (named.device == identity_.device && named.inode == identity_.inode) return "";
  return "it was replaced by another file";
}

absl::Status MappedFile::ReadAt(uint64_t offset, absl::Span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, StrCat(path_, ": cannot be read"));
    }
    if (count == 0) {
      return absl::DataLossError(StrCat(path_, ": expected ", out.size(), " bytes at offset ",
                                        offset, ", found ", done, ": the file has been truncated"));
    }
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace firstlight
