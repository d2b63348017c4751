#ifndef FIRSTLIGHT_SERVER_RPC_UNARY_CALL_H_
#define FIRSTLIGHT_SERVER_RPC_UNARY_CALL_H_

// A unary RPC between its request and its answer: it may wait, without a thread, for something that
// its work needs; then the work runs, on a pool's thread or on the caller's, and its status ends
// the call.
//
// A client that goes away, or whose deadline passes, ends a call that waits at once. One whose work
// runs ends when the work does: that hears of it through its Cancellation.
//
// Thread-safe. The object lives until gRPC is done with the call and everyone else has let go.

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "loader/base/mutex.h"
#include "server/base/cancellation.h"
#include "server/base/task_pool.h"
#include "server/rpc/call.h"

namespace firstlight {

// Fills the response, or says what went wrong.
using UnaryWork =
    std::function<absl::Status(const Cancellation& cancelled, grpc::ByteBuffer* response)>;

class UnaryCall final : public std::enable_shared_from_this<UnaryCall> {
 public:
  UnaryCall(std::shared_ptr<CallRecord> record, grpc::ByteBuffer* response);

  // The reactor to hand to gRPC. Called once, first. Ends the call where the process drains.
  grpc::ServerUnaryReactor* Open();

  // Ends a call that waits. No effect on another.
  void Refuse(const absl::Status& status);

  // What to run on Start(). Dropped, with all that it holds, when the call ends before.
  void SetWork(UnaryWork work);
  // Called once, when the call ends by its client's doing while it waits; at once if it has.
  void SetAbandoned(std::function<void()> abandoned);

  // Runs the work, once: on a thread of `tasks`, or on this one when that is nullptr. Ends the call
  // with RESOURCE_EXHAUSTED when too many tasks wait. No effect on a call that has ended.
  void Start(TaskPool* tasks);

 private:
  class Reactor;
  enum class Phase { kWaiting, kWorking, kEnded };

  void EndWaiting(const absl::Status& status, bool abandon);
  void Run();
  void Finish(const absl::Status& status);
  void OnCancel();

  const std::shared_ptr<CallRecord> record_;
  grpc::ByteBuffer* const response_;
  Reactor* reactor_ = nullptr;
  Cancellation cancellation_;

  Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kWaiting;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  UnaryWork work_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> abandoned_ ABSL_GUARDED_BY(mutex_);
};

// A call that waits for nothing.
grpc::ServerUnaryReactor* AnswerUnary(std::shared_ptr<CallRecord> record,
                                      grpc::ByteBuffer* response, TaskPool* tasks, UnaryWork work);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_UNARY_CALL_H_
