#ifndef FIRSTLIGHT_CLIENT_SESSION_H_
#define FIRSTLIGHT_CLIENT_SESSION_H_

// What every command shares: where the daemon is, how output looks, how a call is made, how it can
// be interrupted and how its end becomes an exit code.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace firstlight {

// Exit codes of the command.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

// The common options, as parsed.
struct CommonOptions {
  std::string address = "127.0.0.1:50051";        // HOST:PORT or unix:PATH
  std::string admin_address = "127.0.0.1:50052";  // the same
  bool json = false;                              // one response message a line
};

// A channel to `address`. Does not connect yet.
std::shared_ptr<grpc::Channel> Connect(const std::string& address);

// Prints `message` as one line of JSON: the proto's own field names, default values included.
void PrintJson(const google::protobuf::Message& message);

// Says on stderr what went wrong, in a line a person can act on, and returns the exit code.
int ReportFailure(const absl::Status& status);
int ReportFailure(const grpc::Status& status, const std::string& address);

// While one lives, Ctrl-C cancels `context` rather than end the process. A second Ctrl-C ends it,
// unless that is to be ignored.
// At most one lives at a time, and it is created before any other thread: it blocks SIGINT for the
// threads that come after it.
class InterruptGuard {
 public:
  enum class Second { kEndsProcess, kIgnored };

  explicit InterruptGuard(grpc::ClientContext* context, Second second = Second::kEndsProcess);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SESSION_H_
