#include "server/process/process_setup.h"

#include <grpc/support/log.h>
#include <pthread.h>

namespace firstlight {
namespace {

// gRPC takes a function without data.
const Log* grpc_log = nullptr;

void LogFromGrpc(gpr_log_func_args* args) {
  // What gRPC calls an error is mostly a client that went away; what matters to us it returns.
  grpc_log->Debug("grpc", {{"message", args->message}});
}

}  // namespace

sigset_t SetUpProcess(const Log& log) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  // A terminal that closes. Whoever had it ignored (nohup) meant the process to go on; waited for,
  // it would not be ignored any more.
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&stop, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);
  grpc_log = &log;
  gpr_set_log_function(&LogFromGrpc);
  return stop;
}

}  // namespace firstlight
