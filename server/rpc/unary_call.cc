#include "server/rpc/unary_call.h"

#include <utility>

#include "server/base/status.h"

namespace firstlight {

class UnaryCall::Reactor final : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}

  void End(const absl::Status& status) {
    status_ = status;
    Finish(ToGrpcStatus(status));
  }

  void OnCancel() override { call_->OnCancel(); }

  void OnDone() override {
    const absl::Status cancelled = call_->cancellation_.status();
    call_->record_->End(status_.ok() ? cancelled : status_);
    delete this;
  }

 private:
  const std::shared_ptr<UnaryCall> call_;
  absl::Status status_;
};

UnaryCall::UnaryCall(std::shared_ptr<CallRecord> record, grpc::ByteBuffer* response)
    : record_(std::move(record)), response_(response) {}

grpc::ServerUnaryReactor* UnaryCall::Open() {
  const absl::Status admitted = record_->Begin();
  // Finish() may destroy the reactor, and this with it, before it returns.
  Reactor* const reactor = reactor_ = new Reactor(shared_from_this());
  if (!admitted.ok()) Refuse(admitted);
  return reactor;
}

void UnaryCall::Refuse(const absl::Status& status) { EndWaiting(status, /*abandon=*/false); }

void UnaryCall::EndWaiting(const absl::Status& status, bool abandon) {
  UnaryWork dropped;  // without the lock
  std::function<void()> abandoned;
  {
    MutexLock lock(&mutex_);
    if (phase_ != Phase::kWaiting) return;
    phase_ = Phase::kEnded;
    dropped = std::exchange(work_, nullptr);
    abandoned = std::exchange(abandoned_, nullptr);
  }
  if (abandon && abandoned) abandoned();
  Finish(status);
}

void UnaryCall::SetWork(UnaryWork work) {
  MutexLock lock(&mutex_);
  if (phase_ == Phase::kWaiting) work_.swap(work);
}

void UnaryCall::SetAbandoned(std::function<void()> abandoned) {
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kWaiting) {
      abandoned_ = std::move(abandoned);
      return;
    }
    if (phase_ != Phase::kEnded || !cancellation_.cancelled()) return;
  }
  abandoned();
}

void UnaryCall::Start(TaskPool* tasks) {
  {
    MutexLock lock(&mutex_);
    if (phase_ != Phase::kWaiting || std::exchange(started_, true)) return;
  }
  if (tasks == nullptr) return Run();
  if (tasks->Submit([self = shared_from_this()] { self->Run(); })) return;
  Refuse(WithErrorInfo(absl::ResourceExhaustedError("too many calls of this kind wait already"),
                       "QUEUE_FULL"));
}

void UnaryCall::Run() {
  UnaryWork work;
  {
    MutexLock lock(&mutex_);
    if (phase_ != Phase::kWaiting) return;
    phase_ = Phase::kWorking;
    work = std::exchange(work_, nullptr);
  }
  const absl::Status status = work(cancellation_, response_);
  // What the work held on to, a model above all, is let go before the call is over.
  work = nullptr;
  Finish(status);
}

void UnaryCall::Finish(const absl::Status& status) { reactor_->End(status); }

void UnaryCall::OnCancel() {
  const absl::Status status = record_->CancelledStatus();
  cancellation_.Cancel(status);
  EndWaiting(status, /*abandon=*/true);
}

grpc::ServerUnaryReactor* AnswerUnary(std::shared_ptr<CallRecord> record,
                                      grpc::ByteBuffer* response, TaskPool* tasks, UnaryWork work) {
  const auto call = std::make_shared<UnaryCall>(std::move(record), response);
  grpc::ServerUnaryReactor* const reactor = call->Open();
  call->SetWork(std::move(work));
  call->Start(tasks);
  return reactor;
}

}  // namespace firstlight
