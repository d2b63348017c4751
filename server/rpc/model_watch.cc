#include "server/rpc/model_watch.h"

#include <utility>

#include "server/rpc/call.h"
#include "server/rpc/model_messages.h"

namespace firstlight {
namespace {

v1::ChangeType ToMessage(ModelChangeType type) {
  switch (type) {
    case ModelChangeType::kExisting:
      return v1::CHANGE_TYPE_EXISTING;
    case ModelChangeType::kChanged:
      return v1::CHANGE_TYPE_CHANGED;
    case ModelChangeType::kRemoved:
      return v1::CHANGE_TYPE_REMOVED;
  }
  return v1::CHANGE_TYPE_UNSPECIFIED;
}

}  // namespace

ModelWatch::ModelWatch(DeliveryThread* delivery, ModelRegistry* registry, std::string name)
    : MessageStream(delivery), registry_(registry), name_(std::move(name)) {}

void ModelWatch::Start() {
  const std::weak_ptr<MessageStream> weak = weak_from_this();
  listener_ = registry_->AddListener([weak](const ModelChange& change) {
    if (const std::shared_ptr<MessageStream> alive = weak.lock()) {
      static_cast<ModelWatch*>(alive.get())->OnChange(change);
    }
  });
  Wake();
}

void ModelWatch::OnChange(const ModelChange& change) {
  if (!name_.empty() && change.model.name != name_) return;
  {
    MutexLock lock(&mutex_);
    const int64_t version = change.model.version;
    const auto [entry, added] = pending_.try_emplace(version, change);
    if (added) {
      order_.push_back(version);
    } else {
      // A version that was there from the start is first told of as such.
      const ModelChangeType told = entry->second.type;
      entry->second = change;
      if (told == ModelChangeType::kExisting && change.type == ModelChangeType::kChanged) {
        entry->second.type = told;
      }
    }
  }
  Wake();
}

void ModelWatch::Close(absl::Status status) {
  {
    MutexLock lock(&mutex_);
    if (!closed_.has_value()) closed_ = std::move(status);
  }
  Wake();
}

std::optional<grpc::ByteBuffer> ModelWatch::Next() {
  v1::WatchModelsResponse message;
  {
    MutexLock lock(&mutex_);
    if (closed_.has_value() || order_.empty()) return std::nullopt;
    const auto entry = pending_.find(order_.front());
    order_.pop_front();
    message.set_type(ToMessage(entry->second.type));
    *message.mutable_model() = firstlight::ToMessage(entry->second.model);
    pending_.erase(entry);
  }
  return SerializeMessage(message);
}

std::optional<absl::Status> ModelWatch::End() {
  MutexLock lock(&mutex_);
  return closed_;
}

void ModelWatch::OnCancelled() { Close(absl::CancelledError("the client has cancelled the call")); }

void ModelWatch::OnOver() {
  if (listener_.has_value()) registry_->RemoveListener(*listener_);
}

}  // namespace firstlight
