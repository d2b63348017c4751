// firstlightd: reads its options, serves until SIGTERM, SIGINT or SIGHUP, drains. A second signal
// exits at once. Exit codes: 0 stopped as asked, 1 nothing could be served, 2 bad options.

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "loader/base/utf8.h"
#include "loader/residency/fault_guard.h"
#include "server/base/log.h"
#include "server/daemon.h"
#include "server/options/options.h"
#include "server/process/process_setup.h"

namespace {

constexpr int kStopped = 0;
constexpr int kNothingServed = 1;
constexpr int kBadOptions = 2;

// Waits for one of the signals that every thread blocks.
void AwaitSignal(const sigset_t& stop) {
  int signal = 0;
  while (sigwait(&stop, &signal) != 0) {
  }
}

// The signals from the start of the process on. The first one ends it at once while it still
// starts, whatever a model's files make it wait for; after that it is what AwaitStop() returns on,
// and the second one ends the process at once.
class StopSignals {
 public:
  explicit StopSignals(const sigset_t& stop) {
    std::thread([this, stop] {
      AwaitSignal(stop);
      if (!started_.exchange(true)) _exit(kStopped);
      stopped_.Notify();
      AwaitSignal(stop);
      _exit(kStopped);
    }).detach();
  }

  // Nothing that could hang is left to do before the process serves.
  void SetStarted() {
    // A signal that came before is on its way to end the process.
    if (started_.exchange(true)) pause();
  }

  // Waits for the first signal. REQUIRES: SetStarted() was called.
  void AwaitStop() { stopped_.WaitForNotification(); }

 private:
  std::atomic<bool> started_ = false;
  absl::Notification stopped_;
};

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "firstlightd: %s\n", firstlight::EscapeControls(status.message()).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using firstlight::Daemon;
  const absl::StatusOr<firstlight::ParsedCommandLine> parsed =
      firstlight::ParseOptions(std::vector<std::string>(argv + 1, argv + argc),
                               [](const char* name) { return getenv(name); });
  if (!parsed.ok()) {
    Fail(kBadOptions, parsed.status());
    std::fprintf(stderr, "firstlightd --help lists the options\n");
    return kBadOptions;
  }
  if (parsed->print_and_exit.has_value()) {
    std::fputs(parsed->print_and_exit->c_str(), stdout);
    return kStopped;
  }
  const firstlight::ServerOptions& options = parsed->options;
  const firstlight::Log log(options.log_level, options.log_format, STDERR_FILENO);
  // Not destroyed: its thread lives as long as the process.
  auto& signals = *new StopSignals(firstlight::SetUpProcess(log));

  // Before anything is mapped, and until nothing is.
  const absl::StatusOr<std::unique_ptr<firstlight::FaultGuard>> fault_guard =
      firstlight::FaultGuard::Install();
  if (!fault_guard.ok()) return Fail(kNothingServed, fault_guard.status());

  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Create(options, &log);
  if (!daemon.ok()) {
    return Fail(absl::IsNotFound(daemon.status()) ? kBadOptions : kNothingServed, daemon.status());
  }
  if (options.check_config) {
    if (const absl::Status status = (*daemon)->CheckModels(); !status.ok()) {
      return Fail(kNothingServed, status);
    }
    std::puts("configuration is good");
    return kStopped;
  }
  if (const absl::Status status = (*daemon)->Start([&signals] { signals.SetStarted(); });
      !status.ok()) {
    return Fail(kNothingServed, status);
  }
  signals.AwaitStop();
  (*daemon)->Drain();
  return kStopped;
}
