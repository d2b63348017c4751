#include "engine/tokenizer/cache/cache_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {
namespace {

constexpr std::string_view kUnfinished = ".unfinished";
// Nothing takes as long to write.
constexpr absl::Duration kLeftoverAge = absl::Hours(1);
// As long as nobody has mapped a file: of a model that is gone, or made by another release.
constexpr absl::Duration kUnusedAge = absl::Hours(30 * 24);

absl::Status CheckTrusted(const MappedFile& file) {
  struct stat status = {};
  if (fstat(file.descriptor(), &status) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(file.path(), ": cannot be examined"));
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return absl::PermissionDeniedError(StrCat(file.path(), ": expected a file of user ", geteuid(),
                                              " or root, found one of user ", status.st_uid));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::PermissionDeniedError(
        StrCat(file.path(), ": expected a file that only its owner may write, found mode ",
               absl::StrFormat("%04o", status.st_mode & 07777)));
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int descriptor, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t count = write(descriptor, contents.data(), contents.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be written"));
    }
    contents.remove_prefix(static_cast<size_t>(count));
  }
  if (fsync(descriptor) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

// So that a rename outlasts a power cut. Where it cannot be done, the file may have to be made
// again.
void SyncDirectory(const std::string& path) {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) fsync(directory.get());
}

}  // namespace

std::string CacheDirectory::PathOf(std::string_view name) const { return StrCat(path_, "/", name); }

absl::StatusOr<std::shared_ptr<const MappedFile>> CacheDirectory::Map(std::string_view name) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file,
                              MappedFile::Open(PathOf(name)));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckTrusted(*file));
  // Used now, also where the file system notes no reads. The time of modification must stay, which
  // would pass for damage; and it is no matter where the file is not ours to touch.
  const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_NOW},
                            {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
  futimens(file->descriptor(), times);
  return file;
}

absl::Status CacheDirectory::Write(std::string_view name, std::string_view contents) const {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) return absl::ErrnoToStatus(error.value(), StrCat(path_, ": cannot be made"));
  RemoveUnused();
  const std::string path = PathOf(name);
  std::random_device random;
  const std::string unfinished = StrCat(path, ".", getpid(), ".", random(), kUnfinished);
  {
    const FileDescriptor descriptor(
        open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (descriptor.get() < 0) {
      return absl::ErrnoToStatus(errno, StrCat(unfinished, ": cannot be made"));
    }
    if (absl::Status status = WriteAll(descriptor.get(), contents, unfinished); !status.ok()) {
      unlink(unfinished.c_str());
      return status;
    }
  }
  if (rename(unfinished.c_str(), path.c_str()) != 0) {
    const absl::Status status = absl::ErrnoToStatus(errno, StrCat(path, ": cannot be replaced"));
    unlink(unfinished.c_str());
    return status;
  }
  SyncDirectory(path_);
  return absl::OkStatus();
}

void CacheDirectory::RemoveUnused() const {
  const absl::Time now = absl::Now();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string& path = entry->path().native();
    struct stat status = {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const absl::Time written = absl::TimeFromTimespec(status.st_mtim);
    const absl::Time used = std::max(written, absl::TimeFromTimespec(status.st_atim));
    const bool is_ours = std::any_of(kinds_.begin(), kinds_.end(), [&path](std::string_view kind) {
      return path.ends_with(kind);
    });
    if ((path.ends_with(kUnfinished) && now - written > kLeftoverAge) ||
        (is_ours && now - used > kUnusedAge)) {
      unlink(path.c_str());
    }
  }
}

std::string DefaultCacheDirectory() {
  const auto absolute = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
  };
  if (const std::string cache = absolute("XDG_CACHE_HOME"); !cache.empty()) {
    return StrCat(cache, "/firstlight");
  }
  const std::string home = absolute("HOME");
  return home.empty() ? "" : StrCat(home, "/.cache/firstlight");
}

}  // namespace firstlight
