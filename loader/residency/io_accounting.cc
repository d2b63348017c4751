#include "loader/residency/io_accounting.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "absl/strings/numbers.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {

FaultCounts FaultsOfThisThread() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return {.minor = usage.ru_minflt, .major = usage.ru_majflt};
}

pid_t ThisThreadId() {
  static const thread_local pid_t id = static_cast<pid_t>(syscall(SYS_gettid));
  return id;
}

std::optional<int64_t> StorageBytesRead(pid_t thread, const std::string& proc) {
  const FileDescriptor file(
      open(StrCat(proc, "/self/task/", thread, "/io").c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return std::nullopt;
  std::array<char, 512> buffer;
  const ssize_t length = read(file.get(), buffer.data(), buffer.size());
  if (length <= 0) return std::nullopt;
  const std::string_view text(buffer.data(), static_cast<size_t>(length));
  constexpr std::string_view kField = "\nread_bytes: ";
  const size_t field = text.find(kField);
  if (field == std::string_view::npos) return std::nullopt;
  const size_t begin = field + kField.size();
  int64_t bytes = 0;
  if (!absl::SimpleAtoi(ToAbsl(text.substr(begin, text.find('\n', begin) - begin)), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace firstlight
