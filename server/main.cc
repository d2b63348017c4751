// firstlightd: reads its options, serves until SIGTERM or SIGINT, drains. A second signal exits at
// once. Exit codes: 0 stopped as asked, 1 nothing could be served, 2 bad options.

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/daemon.h"
#include "server/log.h"
#include "server/options.h"
#include "server/process_setup.h"

namespace {

constexpr int kStopped = 0;
constexpr int kNothingServed = 1;
constexpr int kBadOptions = 2;

// Waits for one of the signals that every thread blocks.
void AwaitStop(const sigset_t& stop) {
  int signal = 0;
  while (sigwait(&stop, &signal) != 0) {
  }
}

int Fail(int code, const absl::Status& status) {
  std::fprintf(stderr, "firstlightd: %s\n", std::string(status.message()).c_str());
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
  const sigset_t stop = firstlight::SetUpProcess(log);

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
  if (const absl::Status status = (*daemon)->Start(); !status.ok()) {
    return Fail(kNothingServed, status);
  }
  AwaitStop(stop);
  std::thread([stop] {
    AwaitStop(stop);
    _exit(kStopped);
  }).detach();
  (*daemon)->Drain();
  return kStopped;
}
