#include "loader/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

int FileDescriptor::Release() { return std::exchange(descriptor_, -1); }

absl::StatusOr<FileDescriptor> OpenRegularFile(const std::string& path) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  FileDescriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be opened"));
  }
  struct stat status = {};
  if (fstat(descriptor.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be examined"));
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        StrCat(path, ": expected a regular file, found ",
               S_ISDIR(status.st_mode) ? "a directory" : "a special file"));
  }
  return descriptor;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const FileDescriptor descriptor, OpenRegularFile(path));
  struct stat status = {};
  if (fstat(descriptor.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be examined"));
  }
  if (status.st_size > max_bytes) {
    return absl::ResourceExhaustedError(
        StrCat(path, ": expected at most ", max_bytes, " bytes, found ", int64_t{status.st_size}));
  }
  // One byte more than the size, so that the end of the file is seen; what is appended meanwhile
  // is not read.
  std::string text(static_cast<size_t>(status.st_size) + 1, '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = read(descriptor.get(), text.data() + done, text.size() - done);
    if (count < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be read"));
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  text.resize(done > static_cast<size_t>(status.st_size) ? static_cast<size_t>(status.st_size)
                                                         : done);
  return text;
}

}  // namespace firstlight
