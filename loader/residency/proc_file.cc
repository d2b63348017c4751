#include "loader/residency/proc_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "loader/file.h"

namespace firstlight {

std::optional<std::string> ReadProcFile(const std::string& path) {
  constexpr size_t kMaxBytes = size_t{64} << 10;
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMaxBytes) {
    const ssize_t length = read(file.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return std::nullopt;
    if (length == 0) break;
    text.append(buffer.data(), static_cast<size_t>(length));
  }
  return text;
}

}  // namespace firstlight
