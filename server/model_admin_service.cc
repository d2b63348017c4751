#include "server/model_admin_service.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loader/base/status_macros.h"
#include "server/generation_messages.h"
#include "server/model_watch.h"
#include "server/option_values.h"
#include "server/status.h"

namespace firstlight {
namespace {

v1::ModelState ToMessage(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return v1::MODEL_STATE_LOADING;
    case ModelState::kActive:
      return v1::MODEL_STATE_ACTIVE;
    case ModelState::kDraining:
      return v1::MODEL_STATE_DRAINING;
    case ModelState::kFailed:
      return v1::MODEL_STATE_FAILED;
  }
  return v1::MODEL_STATE_UNSPECIFIED;
}

absl::Status CheckName(const std::string& name) {
  absl::Status status = CheckModelName(name);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("name: ", status.message()));
}

absl::Status CheckDirectory(const std::string& directory) {
  if (!directory.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("directory: expected a model directory, found \"\"");
}

absl::StatusOr<absl::Duration> DrainTimeout(const google::protobuf::Duration& message) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration timeout,
                              FromProtoDuration(message, "drain_timeout"));
  if (timeout >= absl::ZeroDuration()) return timeout;
  return absl::InvalidArgumentError(
      absl::StrCat("drain_timeout: expected 0s or more, found ", absl::FormatDuration(timeout)));
}

// Why a checkpoint did not load, as the answer to LoadModel and SwapModel.
absl::Status LoadError(const absl::Status& status, const std::string& name) {
  return WithErrorInfo(status, "MODEL_LOAD_FAILED", {{"model", name}});
}

// A call whose work takes a parsed request and fills a response.
template <typename Request, typename Response>
UnaryWork Parsed(const grpc::ByteBuffer& bytes,
                 std::function<absl::Status(const Request&, Response*)> work) {
  return [bytes, work = std::move(work)](const std::atomic<bool>&,
                                         grpc::ByteBuffer* out) -> absl::Status {
    Request request;
    FIRSTLIGHT_RETURN_IF_ERROR(ParseMessage(bytes, &request));
    Response response;
    FIRSTLIGHT_RETURN_IF_ERROR(work(request, &response));
    *out = SerializeMessage(response);
    return absl::OkStatus();
  };
}

}  // namespace

v1::Model ToMessage(const ModelSnapshot& snapshot) {
  v1::Model message;
  message.set_name(snapshot.name);
  message.set_directory(snapshot.directory);
  message.set_version(snapshot.version);
  message.set_state(ToMessage(snapshot.state));
  message.set_state_reason(snapshot.reason);
  message.set_requests_in_flight(static_cast<int32_t>(snapshot.requests_in_flight));
  if (snapshot.facts.has_value()) {
    v1::WeightBytes& bytes = *message.mutable_weight_bytes();
    bytes.set_assigned(snapshot.facts->assigned_bytes);
    bytes.set_copied(snapshot.facts->copied_bytes);
    bytes.set_tied(snapshot.facts->tied_bytes);
    message.set_architecture(snapshot.facts->architecture);
    message.set_context_length(static_cast<int32_t>(snapshot.facts->context_length));
    *message.mutable_load_time() = ToProtoDuration(snapshot.load_time);
  }
  return message;
}

ModelAdminService::ModelAdminService(const Dependencies& dependencies)
    : dependencies_(dependencies) {}

grpc::ServerUnaryReactor* ModelAdminService::ListModels(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "ListModels", *context);
  auto work = Parsed<v1::ListModelsRequest, v1::ListModelsResponse>(
      *request, [this](const auto&, v1::ListModelsResponse* answer) {
        for (const ModelSnapshot& model : dependencies_.registry->List()) {
          *answer->add_models() = ToMessage(model);
        }
        return absl::OkStatus();
      });
  return AnswerUnary(std::move(call), response, nullptr, std::move(work));
}

grpc::ServerUnaryReactor* ModelAdminService::GetModel(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "GetModel", *context);
  auto work = Parsed<v1::GetModelRequest, v1::GetModelResponse>(
      *request,
      [this](const v1::GetModelRequest& message, v1::GetModelResponse* answer) -> absl::Status {
        std::optional<int64_t> version;
        if (message.has_version()) version = message.version();
        FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelSnapshot model,
                                    dependencies_.registry->Get(message.name(), version));
        *answer->mutable_model() = ToMessage(model);
        return absl::OkStatus();
      });
  return AnswerUnary(std::move(call), response, nullptr, std::move(work));
}

grpc::ServerUnaryReactor* ModelAdminService::LoadModel(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "LoadModel", *context);
  auto work = Parsed<v1::LoadModelRequest, v1::LoadModelResponse>(
      *request,
      [this, call](const v1::LoadModelRequest& message,
                   v1::LoadModelResponse* answer) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckName(message.name()));
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDirectory(message.directory()));
        call->AddField({"model", message.name()});
        call->AddField({"directory", message.directory()});
        const absl::StatusOr<ModelSnapshot> loaded = dependencies_.registry->Load(
            message.name(), message.directory(), message.validate_only());
        if (!loaded.ok()) return LoadError(loaded.status(), message.name());
        *answer->mutable_model() = ToMessage(*loaded);
        return absl::OkStatus();
      });
  return AnswerUnary(std::move(call), response, dependencies_.tasks, std::move(work));
}

grpc::ServerUnaryReactor* ModelAdminService::SwapModel(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "SwapModel", *context);
  auto work = Parsed<v1::SwapModelRequest, v1::SwapModelResponse>(
      *request,
      [this, call](const v1::SwapModelRequest& message,
                   v1::SwapModelResponse* answer) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckName(message.name()));
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDirectory(message.directory()));
        std::optional<absl::Duration> drain_timeout;
        if (message.has_drain_timeout()) {
          FIRSTLIGHT_ASSIGN_OR_RETURN(drain_timeout, DrainTimeout(message.drain_timeout()));
        }
        call->AddField({"model", message.name()});
        call->AddField({"directory", message.directory()});
        const absl::StatusOr<ModelRegistry::Swapped> swapped = dependencies_.registry->Swap(
            message.name(), message.directory(), message.validate_only(), drain_timeout);
        if (!swapped.ok()) return LoadError(swapped.status(), message.name());
        *answer->mutable_model() = ToMessage(swapped->current);
        *answer->mutable_previous() = ToMessage(swapped->previous);
        return absl::OkStatus();
      });
  return AnswerUnary(std::move(call), response, dependencies_.tasks, std::move(work));
}

grpc::ServerUnaryReactor* ModelAdminService::UnloadModel(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "UnloadModel", *context);
  auto work = Parsed<v1::UnloadModelRequest, v1::UnloadModelResponse>(
      *request,
      [this, call](const v1::UnloadModelRequest& message,
                   v1::UnloadModelResponse* answer) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckName(message.name()));
        absl::Duration drain_timeout = dependencies_.drain_timeout;
        if (message.has_drain_timeout()) {
          FIRSTLIGHT_ASSIGN_OR_RETURN(drain_timeout, DrainTimeout(message.drain_timeout()));
        }
        call->AddField({"model", message.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelSnapshot model,
                                    dependencies_.registry->Unload(message.name(), drain_timeout));
        *answer->mutable_model() = ToMessage(model);
        return absl::OkStatus();
      });
  return AnswerUnary(std::move(call), response, nullptr, std::move(work));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ModelAdminService::WatchModels(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  v1::WatchModelsRequest message;
  const absl::Status parsed = ParseMessage(*request, &message);
  auto watch =
      std::make_shared<ModelWatch>(dependencies_.delivery, dependencies_.registry, message.name());
  grpc::ServerWriteReactor<grpc::ByteBuffer>* const reactor = watch->Open();
  bool ended = false;
  {
    MutexLock lock(&mutex_);
    ended = watches_ended_;
    std::erase_if(watches_, [](const auto& other) { return other.expired(); });
    watches_.push_back(watch);
  }
  if (!parsed.ok()) {
    watch->Close(parsed);
  } else if (ended) {
    watch->Close(absl::UnavailableError("the server is shutting down"));
  } else {
    watch->Start();
  }
  return reactor;
}

void ModelAdminService::EndWatches() {
  std::vector<std::weak_ptr<ModelWatch>> watches;
  {
    MutexLock lock(&mutex_);
    watches_ended_ = true;
    watches = watches_;
  }
  for (const std::weak_ptr<ModelWatch>& watch : watches) {
    if (const std::shared_ptr<ModelWatch> alive = watch.lock()) {
      alive->Close(absl::UnavailableError("the server is shutting down"));
    }
  }
}

}  // namespace firstlight
