#include "server/rpc/message_stream.h"

#include <utility>

#include "server/base/status.h"

namespace firstlight {

class MessageStream::Reactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit Reactor(std::shared_ptr<MessageStream> stream) : stream_(std::move(stream)) {}

  void OnWriteDone(bool ok) override {
    // A write that fails means that the client is gone, which OnCancel tells as well.
    {
      MutexLock lock(&stream_->mutex_);
      stream_->busy_ = false;
    }
    stream_->Pump();
  }

  void OnCancel() override {
    stream_->OnCancelled();
    stream_->Wake();
  }

  void OnDone() override {
    stream_->OnOver();
    delete this;
  }

 private:
  const std::shared_ptr<MessageStream> stream_;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* MessageStream::Open() {
  reactor_ = new Reactor(shared_from_this());
  return reactor_;
}

void MessageStream::Wake() {
  if (scheduled_.exchange(true)) return;
  delivery_->Schedule(shared_from_this());
}

void MessageStream::Deliver() {
  scheduled_.store(false);
  Pump();
}

void MessageStream::Pump() {
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (busy_) {
      again_ = true;
      return;
    }
    busy_ = true;
  }
  while (true) {
    // Before Next(): what comes between the two, the end included, waits for the next round.
    const std::optional<absl::Status> end = End();
    if (std::optional<grpc::ByteBuffer> message = Next(); message.has_value()) {
      {
        // What came meanwhile is looked at when this write is done.
        MutexLock lock(&mutex_);
        again_ = false;
      }
      writing_ = *std::move(message);
      reactor_->StartWrite(&writing_);
      return;
    }
    if (end.has_value()) {
      {
        MutexLock lock(&mutex_);
        finished_ = true;
      }
      reactor_->Finish(ToGrpcStatus(*end));
      return;
    }
    MutexLock lock(&mutex_);
    if (!std::exchange(again_, false)) {
      busy_ = false;
      return;
    }
  }
}

}  // namespace firstlight
