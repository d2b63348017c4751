#ifndef FIRSTLIGHT_BENCH_CHILD_PROCESS_H_
#define FIRSTLIGHT_BENCH_CHILD_PROCESS_H_

// A server that a benchmark starts, asks and stops.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firstlight {

// Where a process's memory is. Bytes.
struct MemoryUse {
  int64_t anonymous = 0;
  int64_t mapped_file = 0;  // resident pages of files
};

// Of /proc/PROCESS; "self" is the caller.
absl::StatusOr<MemoryUse> MemoryOf(const std::string& process);

// Owns one child: SIGTERM, then SIGKILL after ten seconds, when it is destroyed. Not thread safe.
class ChildProcess {
 public:
  // Forks and executes `arguments` (the first is the program), its output appended to `log_path`.
  // The time just before the fork is kept.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                            const std::string& log_path);
  ~ChildProcess() { Stop(); }
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  // Connects to 127.0.0.1:port every half millisecond until something accepts.
  // DEADLINE_EXCEEDED after a minute, ABORTED when the child has ended.
  absl::Status AwaitListening(int port);

  // False once the child has ended.
  bool IsRunning();

  void Stop();

  // Waits for the child's own end. OK when it exited with 0.
  absl::Status AwaitSuccess();

  absl::StatusOr<MemoryUse> Memory() const;
  // Mappings of files whose names end with `suffix`.
  absl::StatusOr<int> CountMappings(const std::string& suffix) const;
  absl::Duration SinceStart() const;
  pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, int64_t start_nanoseconds)
      : pid_(pid), start_nanoseconds_(start_nanoseconds) {}

  pid_t pid_;
  int64_t start_nanoseconds_;  // CLOCK_MONOTONIC
};

// A TCP port of 127.0.0.1 that nothing listens on now.
absl::StatusOr<int> FreePort();

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_CHILD_PROCESS_H_
