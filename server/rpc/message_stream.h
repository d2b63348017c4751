#ifndef FIRSTLIGHT_SERVER_RPC_MESSAGE_STREAM_H_
#define FIRSTLIGHT_SERVER_RPC_MESSAGE_STREAM_H_

// A server-streaming call whose messages come from elsewhere: one write outstanding at a time, and
// nothing that produces messages ever waits for the client.
//
// A derived class says what comes next; whoever has given it something new calls Wake(). Next() and
// End() are called one at a time, from the delivery thread or from gRPC's. The object lives until
// gRPC is done with the call and everyone else has let go of it.

#include <atomic>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "loader/base/mutex.h"
#include "server/rpc/delivery_thread.h"

namespace firstlight {

class MessageStream : public Deliverable, public std::enable_shared_from_this<MessageStream> {
 public:
  explicit MessageStream(DeliveryThread* delivery) : delivery_(delivery) {}

  // The reactor to hand to gRPC. Called once. It keeps this object alive until the call is over.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Open();

  // There may be something new. Any thread; neither blocks nor calls gRPC.
  void Wake();

  void Deliver() final;

 protected:
  // The next message, serialized; nothing when there is none yet.
  virtual std::optional<grpc::ByteBuffer> Next() = 0;
  // The status to end with behind the messages that there are now, once no other will come. Asked
  // ahead of each Next().
  virtual std::optional<absl::Status> End() = 0;
  // The client is gone, or its deadline has passed. The call still ends through End().
  virtual void OnCancelled() = 0;
  // The call is over; nothing is called after this.
  virtual void OnOver() {}

 private:
  class Reactor;

  void Pump();

  DeliveryThread* const delivery_;
  Reactor* reactor_ = nullptr;  // until Finish
  std::atomic<bool> scheduled_ = false;
  grpc::ByteBuffer writing_;  // of the write that is outstanding

  Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;      // a write is outstanding, or Pump runs
  bool again_ ABSL_GUARDED_BY(mutex_) = false;     // Pump was called while busy
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish was called
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_MESSAGE_STREAM_H_
