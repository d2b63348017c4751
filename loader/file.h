#ifndef FIRSTLIGHT_LOADER_FILE_H_
#define FIRSTLIGHT_LOADER_FILE_H_

// Opening and reading files whose author is not trusted: never anything but a regular file (a FIFO
// would block for ever, a device never end), never more than the caller allows.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace firstlight {

// Owns a file descriptor; closes it.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return descriptor_; }
  // Gives the descriptor up to the caller.
  int Release();

 private:
  int descriptor_;
};

// Opens for reading, following symbolic links. NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED as
// the system says; INVALID_ARGUMENT when it is not a regular file.
absl::StatusOr<FileDescriptor> OpenRegularFile(const std::string& path);

// The whole file. Errors as OpenRegularFile; RESOURCE_EXHAUSTED when it is longer than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_FILE_H_
