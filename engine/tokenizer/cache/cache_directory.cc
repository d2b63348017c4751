#include "engine/tokenizer/cache/cache_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>

#include "absl/strings/str_format.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {
namespace {

constexpr std::string_view kUnfinished = ".unfinished";
// Nothing takes as long to write.
constexpr std::chrono::hours kLeftoverAge(1);

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
  return file;
}

absl::Status CacheDirectory::Write(std::string_view name, std::string_view contents) const {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) return absl::ErrnoToStatus(error.value(), StrCat(path_, ": cannot be made"));
  RemoveLeftovers();
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

void CacheDirectory::RemoveLeftovers() const {
  namespace fs = std::filesystem;
  const auto oldest = fs::file_time_type::clock::now() - kLeftoverAge;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().native().ends_with(kUnfinished) &&
        fs::last_write_time(entry->path(), ignored) < oldest && !ignored) {
      fs::remove(entry->path(), ignored);
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
