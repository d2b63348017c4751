#include "server/rpc/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/rpc/call.h"
#include "server/rpc/message_stream.h"

namespace firstlight {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One client of Watch: the status now, then each one that differs from what it was told last.
class HealthTable::Watch final : public MessageStream {
 public:
  Watch(const HealthTable* table, std::string name, absl::Status refused, DeliveryThread* delivery)
      : MessageStream(delivery),
        table_(table),
        name_(std::move(name)),
        refused_(std::move(refused)) {}

 protected:
  std::optional<grpc::ByteBuffer> Next() override {
    if (cancelled_ || !refused_.ok()) return std::nullopt;
    const Status now = table_->Check(name_).value_or(HealthCheckResponse::SERVICE_UNKNOWN);
    if (told_ == now) return std::nullopt;
    told_ = now;
    HealthCheckResponse response;
    response.set_status(now);
    return SerializeMessage(response);
  }

  std::optional<absl::Status> End() override {
    if (!refused_.ok()) return refused_;
    if (cancelled_) return absl::CancelledError("the client has cancelled the call");
    if (table_->watches_ended()) return absl::UnavailableError("the server is shutting down");
    return std::nullopt;
  }

  void OnCancelled() override { cancelled_ = true; }

 private:
  const HealthTable* const table_;
  const std::string name_;
  const absl::Status refused_;
  std::atomic<bool> cancelled_ = false;
  std::optional<Status> told_;
};

HealthTable::HealthTable(std::vector<std::string> services) : services_(std::move(services)) {}

void HealthTable::SetStarted() {
  {
    MutexLock lock(&mutex_);
    if (phase_ == Phase::kStarting) phase_ = Phase::kServing;
  }
  WakeWatches();
}

void HealthTable::SetDraining() {
  {
    MutexLock lock(&mutex_);
    phase_ = Phase::kDraining;
  }
  WakeWatches();
}

void HealthTable::OnModelChange(const ModelChange& change) {
  {
    MutexLock lock(&mutex_);
    aliases_.clear();
    for (const auto& [alias, serves] : change.aliases) aliases_.emplace(alias, serves);
    if (!change.name_exists) {
      models_.erase(change.model.name);
    } else {
      ModelHealth& health = models_[change.model.name];
      health.serves = change.name_serves;
      if (change.name_serves) {
        health.reason.clear();
      } else if (change.model.current && change.model.state == ModelState::kFailed) {
        health.reason = change.model.reason;
      }
    }
  }
  WakeWatches();
}

absl::Status HealthTable::ProcessStatusLocked() const {
  if (phase_ == Phase::kStarting) return absl::UnavailableError("starting");
  if (phase_ == Phase::kDraining) return absl::UnavailableError("draining");
  std::string reasons;
  for (const auto& [name, health] : models_) {
    if (health.reason.empty()) return absl::OkStatus();
    absl::StrAppend(&reasons, "; ", name, ": ", health.reason);
  }
  if (reasons.empty()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("every model has failed", reasons));
}

absl::Status HealthTable::process_status() const {
  MutexLock lock(&mutex_);
  return ProcessStatusLocked();
}

std::optional<HealthTable::Status> HealthTable::Check(const std::string& name) const {
  MutexLock lock(&mutex_);
  bool serves = phase_ == Phase::kServing;
  if (name.empty()) {
    serves = ProcessStatusLocked().ok();
  } else if (const auto model = models_.find(name); model != models_.end()) {
    serves = serves && model->second.serves;
  } else if (const auto alias = aliases_.find(name); alias != aliases_.end()) {
    serves = serves && alias->second;
  } else if (std::find(services_.begin(), services_.end(), name) == services_.end()) {
    return std::nullopt;
  }
  return serves ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthTable::AddWatch(std::weak_ptr<Watch> watch) {
  MutexLock lock(&mutex_);
  std::erase_if(watches_, [](const std::weak_ptr<Watch>& other) { return other.expired(); });
  watches_.push_back(std::move(watch));
}

void HealthTable::EndWatches() {
  {
    MutexLock lock(&mutex_);
    watches_ended_ = true;
  }
  WakeWatches();
}

bool HealthTable::watches_ended() const {
  MutexLock lock(&mutex_);
  return watches_ended_;
}

void HealthTable::WakeWatches() {
  std::vector<std::weak_ptr<Watch>> watches;
  {
    MutexLock lock(&mutex_);
    watches = watches_;
  }
  for (const std::weak_ptr<Watch>& watch : watches) {
    if (const std::shared_ptr<Watch> alive = watch.lock()) alive->Wake();
  }
}

HealthService::HealthService(HealthTable* table, DeliveryThread* delivery)
    : table_(table), delivery_(delivery) {}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  HealthCheckRequest message;
  absl::Status status = ParseMessage(*request, &message);
  if (status.ok()) {
    const std::optional<HealthTable::Status> found = table_->Check(message.service());
    if (found.has_value()) {
      HealthCheckResponse answer;
      answer.set_status(*found);
      *response = SerializeMessage(answer);
    } else {
      status = absl::NotFoundError(
          absl::StrCat("service: expected a service, a model, an alias or nothing, found \"",
                       message.service(), "\""));
    }
  }
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* HealthService::Watch(grpc::CallbackServerContext*,
                                                                 const grpc::ByteBuffer* request) {
  HealthCheckRequest message;
  absl::Status status = ParseMessage(*request, &message);
  auto watch =
      std::make_shared<HealthTable::Watch>(table_, message.service(), std::move(status), delivery_);
  grpc::ServerWriteReactor<grpc::ByteBuffer>* const reactor = watch->Open();
  table_->AddWatch(watch);
  watch->Wake();
  return reactor;
}

}  // namespace firstlight
