#include "bench/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

extern char** environ;

namespace firstlight {
namespace {

constexpr absl::Duration kListenTimeout = absl::Minutes(1);
constexpr absl::Duration kStopTimeout = absl::Seconds(10);
constexpr absl::Duration kPollInterval = absl::Microseconds(500);

int64_t MonotonicNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool Connects(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const sockaddr_in address = Loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

// The number of kB after `key` in a /proc file of "Key:   123 kB" lines, as bytes; 0 when absent.
int64_t BytesField(const std::string& path, absl::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, key)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kilobytes = 0;
    if (words.size() >= 2 && absl::SimpleAtoi(words[1], &kilobytes)) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

absl::StatusOr<MemoryUse> MemoryOf(const std::string& process) {
  const std::string path = absl::StrCat("/proc/", process, "/status");
  MemoryUse use;
  use.anonymous = BytesField(path, "RssAnon:");
  use.mapped_file = BytesField(path, "RssFile:");
  if (use.anonymous == 0) return absl::UnavailableError(absl::StrCat(path, ": no RssAnon"));
  return use;
}

absl::StatusOr<ChildProcess> ChildProcess::Start(const std::vector<std::string>& arguments,
                                                 const std::string& log_path) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_path.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int64_t start = MonotonicNanoseconds();
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat(arguments[0], ": ", std::strerror(error)));
  }
  return ChildProcess(pid, start);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), start_nanoseconds_(other.start_nanoseconds_) {}

absl::Status ChildProcess::AwaitListening(int port) {
  while (!Connects(port)) {
    if (!IsRunning()) return absl::AbortedError("the server ended before it listened");
    if (SinceStart() > kListenTimeout) {
      return absl::DeadlineExceededError(absl::StrCat("nothing listens on port ", port));
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::OkStatus();
}

bool ChildProcess::IsRunning() {
  if (pid_ <= 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

void ChildProcess::Stop() {
  if (!IsRunning()) return;
  kill(pid_, SIGTERM);
  const absl::Time give_up = absl::Now() + kStopTimeout;
  while (IsRunning()) {
    if (absl::Now() > give_up) kill(pid_, SIGKILL);
    absl::SleepFor(kPollInterval);
  }
}

absl::Status ChildProcess::AwaitSuccess() {
  int wait_status = 0;
  if (waitpid(std::exchange(pid_, -1), &wait_status, 0) < 0) {
    return absl::InternalError(absl::StrCat("waitpid: ", std::strerror(errno)));
  }
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("ended with wait status ", wait_status));
}

absl::StatusOr<MemoryUse> ChildProcess::Memory() const { return MemoryOf(absl::StrCat(pid_)); }

absl::StatusOr<int> ChildProcess::CountMappings(const std::string& suffix) const {
  const std::string path = absl::StrCat("/proc/", pid_, "/maps");
  std::ifstream maps(path);
  if (!maps) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    if (absl::EndsWith(line, suffix)) ++count;
  }
  return count;
}

absl::Duration ChildProcess::SinceStart() const {
  return absl::Nanoseconds(MonotonicNanoseconds() - start_nanoseconds_);
}

absl::StatusOr<int> FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError("socket: no descriptor left");
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(fd);
  if (!bound) return absl::UnavailableError("no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

}  // namespace firstlight
