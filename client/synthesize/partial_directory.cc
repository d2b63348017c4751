#include "client/synthesize/partial_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "loader/base/strings.h"

namespace firstlight {

absl::StatusOr<std::unique_ptr<PartialDirectory>> PartialDirectory::Create(
    const std::string& target) {
  const std::string path = target + ".partial";
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be made"));
  }
  FileDescriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (lock.get() < 0) return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be opened"));
  struct stat locked = {};
  struct stat named = {};
  // The holder of the lock may have renamed or removed the directory between the two calls above:
  // then the lock is on another directory than the name.
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || fstat(lock.get(), &locked) != 0 ||
      stat(path.c_str(), &named) != 0 || locked.st_ino != named.st_ino ||
      locked.st_dev != named.st_dev) {
    return absl::AbortedError(StrCat(path, ": another process is writing it"));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    std::filesystem::remove_all(entry.path(), error);
    if (error) break;
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), StrCat(path, ": cannot be emptied"));
  }
  return std::unique_ptr<PartialDirectory>(new PartialDirectory(target, path, std::move(lock)));
}

PartialDirectory::PartialDirectory(std::string target, std::string path, FileDescriptor lock)
    : target_(std::move(target)), path_(std::move(path)), lock_(std::move(lock)) {}

PartialDirectory::~PartialDirectory() {
  if (committed_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status PartialDirectory::Write(const std::string& name, const std::string& contents) const {
  const std::string path = StrCat(path_, "/", name);
  std::ofstream file(path, std::ios::binary);
  file << contents;
  file.close();
  if (!file) return absl::UnavailableError(StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

absl::Status PartialDirectory::Commit() {
  // rename(2) replaces an empty directory and refuses any other.
  if (std::rename(path_.c_str(), target_.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
      return absl::AlreadyExistsError(StrCat(target_, ": expected an empty directory or none"));
    }
    return absl::ErrnoToStatus(errno, StrCat(target_, ": cannot be put in place"));
  }
  committed_ = true;
  return absl::OkStatus();
}

}  // namespace firstlight
