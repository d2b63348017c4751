#ifndef FIRSTLIGHT_SERVER_RPC_CALL_H_
#define FIRSTLIGHT_SERVER_RPC_CALL_H_

// One RPC from arrival to end: admission, its line in the log, its place in requests_total. And a
// request's bytes turned into a message.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"
#include "server/base/log.h"
#include "server/metrics/metrics.h"
#include "server/process/process_state.h"

namespace firstlight {

// What every call needs. Outlives all calls.
struct CallEnvironment {
  const Log* log = nullptr;
  Metrics* metrics = nullptr;
  ProcessState* state = nullptr;
  bool log_prompts = false;
};

// One call. Thread-compatible.
class CallRecord {
 public:
  // `method` without its service: "Generate".
  CallRecord(const CallEnvironment& environment, std::string method,
             const grpc::CallbackServerContext& context);

  // UNAVAILABLE while the process drains. Once, before anything else.
  absl::Status Begin();
  // The call is over. Counts it and logs it, with what AddField was given. Once.
  void End(const absl::Status& status);

  void AddField(LogField field) { fields_.push_back(std::move(field)); }

  absl::Time arrival() const { return arrival_; }
  // InfiniteFuture when the client gave none.
  absl::Time deadline() const { return deadline_; }
  // The status of a call that was cancelled now: its deadline has passed, or its client is gone. By
  // the time alone, as gRPC tells a client that gives up at its deadline from no other.
  absl::Status CancelledStatus() const;

 private:
  const CallEnvironment environment_;
  const std::string method_;
  const absl::Time arrival_;
  const absl::Time deadline_;
  std::vector<LogField> fields_;
  bool begun_ = false;
};

// INVALID_ARGUMENT for bytes that are not the message, naming the field where a string is not valid
// UTF-8.
absl::Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message* message);

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_CALL_H_
