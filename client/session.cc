#include "client/session.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

// A prompt of 4 MB answers with as many token ids; nothing that the daemon sends is larger.
constexpr int kMaxMessageBytes = 64 << 20;

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetUserAgentPrefix("firstlight");
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string line;
  if (!google::protobuf::util::MessageToJsonString(message, &line, options).ok()) return;
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

int ReportFailure(const absl::Status& status) {
  std::fprintf(stderr, "firstlight: %s: %s\n", absl::StatusCodeToString(status.code()).c_str(),
               EscapeControls(status.message()).c_str());
  return kExitFailed;
}

int ReportFailure(const grpc::Status& status, const std::string& address) {
  ReportFailure(
      absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
  // gRPC's own message for a refused connection says neither where nor what to do.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
    std::fprintf(stderr, "No daemon answers at %s. Is firstlightd running? --address says where.\n",
                 address.c_str());
  }
  return kExitFailed;
}

struct InterruptGuard::State {
  std::atomic<bool> interrupted{false};
  std::atomic<bool> stopping{false};
  sigset_t previous_mask;
  std::thread waiter;
};

InterruptGuard::InterruptGuard(grpc::ClientContext* context, Second second)
    : state_(std::make_unique<State>()) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, &state_->previous_mask);
  state_->waiter = std::thread([state = state_.get(), context, interrupt, second] {
    int signal = 0;
    sigwait(&interrupt, &signal);
    if (state->stopping.load()) return;
    state->interrupted.store(true);
    context->TryCancel();
    sigwait(&interrupt, &signal);
    while (second == Second::kIgnored && !state->stopping.load()) sigwait(&interrupt, &signal);
    if (!state->stopping.load()) _exit(kExitInterrupted);
  });
}

InterruptGuard::~InterruptGuard() {
  state_->stopping.store(true);
  pthread_kill(state_->waiter.native_handle(), SIGINT);
  state_->waiter.join();
  pthread_sigmask(SIG_SETMASK, &state_->previous_mask, nullptr);
}

bool InterruptGuard::interrupted() const { return state_->interrupted.load(); }

}  // namespace firstlight
