#include "server/rpc/generate_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/base/status.h"

namespace firstlight {

GenerateStream::GenerateStream(DeliveryThread* delivery, Engine* engine, Metrics* metrics,
                               std::unique_ptr<CallRecord> call)
    : MessageStream(delivery),
      engine_(engine),
      metrics_registry_(metrics),
      call_(std::move(call)) {}

void GenerateStream::Refuse(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (!done_.has_value()) done_ = std::move(status);
  }
  Wake();
}

void GenerateStream::SetAbandoned(std::function<void()> abandoned) {
  {
    MutexLock lock(&mutex_);
    if (submitting_ || (done_.has_value() && !cancelled_.has_value())) return;
    if (!cancelled_.has_value()) {
      abandoned_ = std::move(abandoned);
      return;
    }
  }
  abandoned();
}

bool GenerateStream::cancelled() const {
  MutexLock lock(&mutex_);
  return cancelled_.has_value();
}

void GenerateStream::Start(absl::StatusOr<ModelPin> pin, GenerationRequest request,
                           std::unique_ptr<ResponseWriter> writer) {
  if (!pin.ok()) return Refuse(pin.status());
  const bool with_tokens = request.output.token_ids || request.output.logprobs;
  request.output.token_ids = true;  // the metrics count them
  {
    MutexLock lock(&mutex_);
    if (cancelled_.has_value()) return;  // OnCancelled has ended it
    pin_ = *std::move(pin);
    request_id_ = request.request_id;
    with_tokens_ = with_tokens;
    writer_ = std::move(writer);
    metrics_.emplace(metrics_registry_->ForModel(pin_->name), call_->arrival());
    submitting_ = true;
    abandoned_ = nullptr;
  }
  auto self = std::static_pointer_cast<GenerateStream>(shared_from_this());
  absl::StatusOr<Engine::RequestId> id =
      engine_->Submit(pin_.engine_model(), std::move(request), std::move(self));
  if (!id.ok()) {
    absl::Status status = std::move(id).status();
    if (absl::IsResourceExhausted(status)) status = WithErrorInfo(std::move(status), "QUEUE_FULL");
    return Refuse(std::move(status));
  }
  std::optional<absl::Status> cancelled;
  {
    MutexLock lock(&mutex_);
    id_ = *id;
    cancelled = cancelled_;
  }
  if (cancelled.has_value()) engine_->Cancel(*id, *cancelled);
  ResumeIfNeeded();
}

void GenerateStream::Push(Event event) {
  {
    MutexLock lock(&mutex_);
    if (cancelled_.has_value()) return;
    events_.push_back(std::move(event));
  }
  Wake();
}

void GenerateStream::OnStarted(StartedEvent event) {
  {
    MutexLock lock(&mutex_);
    prompt_tokens_ = event.prompt_tokens;
    metrics_->OnStarted(event);
  }
  Push(event);
}

void GenerateStream::OnPrompt(PromptEvent event) { Push(std::move(event)); }

void GenerateStream::OnFirstToken(const FirstTokenEvent& event) {
  MutexLock lock(&mutex_);
  metrics_->OnFirstToken(event, absl::Now());
}

void GenerateStream::OnDelta(DeltaEvent event) {
  {
    MutexLock lock(&mutex_);
    metrics_->OnDelta(event, absl::Now(), std::exchange(was_held_back_, false));
  }
  // A delta may be of tokens alone, which this client did not ask for.
  if (event.text.empty() && !with_tokens_) return;
  Push(std::move(event));
}

void GenerateStream::OnFinished(FinishedEvent event) { Push(std::move(event)); }

void GenerateStream::OnDone(absl::Status status) { Refuse(std::move(status)); }

bool GenerateStream::HasRoom() const {
  MutexLock lock(&mutex_);
  if (cancelled_.has_value() || events_.size() < kCapacity) return true;
  held_back_ = true;
  was_held_back_ = true;
  return false;
}

// Tells the engine once that there is room again. Not under the lock: the engine asks HasRoom under
// its own.
void GenerateStream::ResumeIfNeeded() {
  std::optional<Engine::RequestId> id;
  {
    MutexLock lock(&mutex_);
    if (!held_back_ || !id_.has_value() || done_.has_value()) return;
    if (!cancelled_.has_value() && events_.size() > kCapacity / 2) return;
    held_back_ = false;
    id = id_;
  }
  engine_->Resume(*id);
}

std::optional<grpc::ByteBuffer> GenerateStream::Next() {
  while (true) {
    std::optional<Event> event;
    {
      MutexLock lock(&mutex_);
      if (cancelled_.has_value()) return std::nullopt;
      if (responses_.empty()) {
        if (events_.empty()) return std::nullopt;
        event = std::move(events_.front());
        events_.pop_front();
      }
    }
    if (!event.has_value()) {
      grpc::ByteBuffer response = responses_.front();  // shares the bytes
      responses_.pop_front();
      return response;
    }
    ResumeIfNeeded();
    if (auto* const delta = std::get_if<DeltaEvent>(&*event); delta != nullptr) {
      Write(std::move(*delta));
    } else {
      std::visit([this](const auto& value) { Write(value); }, *event);
    }
  }
}

void GenerateStream::Write(const StartedEvent& event) {
  writer_->Started(event,
                   {.request_id = request_id_, .model = pin_->name, .version = pin_->version},
                   &responses_);
}

void GenerateStream::Write(const PromptEvent& event) { writer_->Prompt(event, &responses_); }

void GenerateStream::Write(DeltaEvent event) { writer_->Delta(std::move(event), &responses_); }

void GenerateStream::Write(const FinishedEvent& event) { writer_->Finished(event, &responses_); }

std::optional<absl::Status> GenerateStream::End() {
  MutexLock lock(&mutex_);
  if (!done_.has_value()) return std::nullopt;
  return cancelled_.has_value() ? cancelled_ : done_;
}

void GenerateStream::OnCancelled() {
  const absl::Status status = call_->CancelledStatus();
  std::optional<Engine::RequestId> id;
  std::function<void()> abandoned;
  {
    MutexLock lock(&mutex_);
    if (cancelled_.has_value()) return;
    cancelled_ = status;
    abandoned = std::exchange(abandoned_, nullptr);
    events_.clear();
    id = id_;
    // Without a model the engine will never say that it is done.
    if (!submitting_ && !done_.has_value()) done_ = status;
  }
  if (abandoned) abandoned();
  if (id.has_value()) engine_->Cancel(*id, status);
}

void GenerateStream::OnOver() {
  absl::Status status;
  // The registry may drain the version from here on, whoever else still holds this object.
  ModelPin released;
  {
    MutexLock lock(&mutex_);
    status = cancelled_.has_value() ? *cancelled_ : done_.value_or(absl::OkStatus());
    if (pin_) {
      call_->AddField({"model", pin_->name});
      call_->AddField({"version", pin_->version});
      call_->AddField({"request_id", request_id_});
      call_->AddField({"prompt_tokens", prompt_tokens_});
    }
    if (metrics_.has_value()) {
      call_->AddField({"generated_tokens", metrics_->generated_tokens()});
      if (metrics_->queue().has_value()) call_->AddField({"queue", *metrics_->queue()});
      if (metrics_->residency().has_value()) {
        call_->AddField({"residency", ResidencyName(*metrics_->residency())});
      }
      if (metrics_->time_to_first_token().has_value()) {
        call_->AddField({"time_to_first_token", *metrics_->time_to_first_token()});
      }
    }
    released = std::move(pin_);
  }
  call_->End(status);
}

}  // namespace firstlight
