#include "server/rpc/model_admin_service.h"

#include <optional>
#include <utility>

#include "loader/base/status_macros.h"
#include "server/base/status.h"
#include "server/rpc/model_messages.h"
#include "server/rpc/model_watch.h"
#include "server/rpc/unary_call.h"

namespace firstlight {
namespace {

// Why a checkpoint did not load, as the answer to LoadModel and SwapModel.
absl::Status LoadError(const absl::Status& status, const std::string& name) {
  return WithErrorInfo(status, "MODEL_LOAD_FAILED", {{"model", name}});
}

}  // namespace

template <typename Request, typename Response>
grpc::ServerUnaryReactor* ModelAdminService::Answer(const char* method, Context* context,
                                                    const Bytes* request, Bytes* response,
                                                    TaskPool* tasks, Work<Request, Response> work) {
  const auto record = std::make_shared<CallRecord>(dependencies_.calls, method, *context);
  return AnswerUnary(record, response, tasks,
                     [record, bytes = *request, work = std::move(work)](
                         const Cancellation& cancelled, Bytes* out) -> absl::Status {
                       Request message;
                       FIRSTLIGHT_RETURN_IF_ERROR(ParseMessage(bytes, &message));
                       Response answer;
                       FIRSTLIGHT_RETURN_IF_ERROR(work({message, &answer, cancelled, *record}));
                       *out = SerializeMessage(answer);
                       return absl::OkStatus();
                     });
}

ModelAdminService::ModelAdminService(const Dependencies& dependencies)
    : dependencies_(dependencies) {}

grpc::ServerUnaryReactor* ModelAdminService::ListModels(Context* context, const Bytes* request,
                                                        Bytes* response) {
  return Answer<v1::ListModelsRequest, v1::ListModelsResponse>(
      "ListModels", context, request, response, dependencies_.sampling, [this](const auto& call) {
        for (const ModelSnapshot& model : dependencies_.registry->List()) {
          *call.response->add_models() = ToSampledMessage(model);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::GetModel(Context* context, const Bytes* request,
                                                      Bytes* response) {
  return Answer<v1::GetModelRequest, v1::GetModelResponse>(
      "GetModel", context, request, response, dependencies_.sampling,
      [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelSnapshot model,
            dependencies_.registry->Get(call.request.name(), VersionOf(call.request)));
        *call.response->mutable_model() = ToSampledMessage(model);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::LoadModel(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return Answer<v1::LoadModelRequest, v1::LoadModelResponse>(
      "LoadModel", context, request, response, dependencies_.tasks,
      [this](const auto& call) -> absl::Status {
        const v1::LoadModelRequest& message = call.request;
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(message.name(), "name"));
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDirectoryField(message.directory()));
        call.record.AddField({"model", message.name()});
        call.record.AddField({"directory", message.directory()});
        const absl::StatusOr<ModelSnapshot> loaded = dependencies_.registry->Load(
            message.name(), message.directory(), message.validate_only());
        if (!loaded.ok()) return LoadError(loaded.status(), message.name());
        *call.response->mutable_model() = ToSampledMessage(*loaded);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::SwapModel(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return Answer<v1::SwapModelRequest, v1::SwapModelResponse>(
      "SwapModel", context, request, response, dependencies_.tasks,
      [this](const auto& call) -> absl::Status {
        const v1::SwapModelRequest& message = call.request;
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(message.name(), "name"));
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDirectoryField(message.directory()));
        ModelRegistry::SwapOptions options;
        options.validate_only = message.validate_only();
        options.keep_previous = message.keep_previous();
        FIRSTLIGHT_ASSIGN_OR_RETURN(options.drain_timeout, DrainTimeoutOf(message));
        FIRSTLIGHT_ASSIGN_OR_RETURN(options.warm, WarmModeOf(message.warm(), "warm"));
        call.record.AddField({"model", message.name()});
        call.record.AddField({"directory", message.directory()});
        const absl::StatusOr<ModelRegistry::Swapped> swapped =
            dependencies_.registry->Swap(message.name(), message.directory(), options);
        if (!swapped.ok()) return LoadError(swapped.status(), message.name());
        call.record.AddField({"version", swapped->current.version});
        *call.response->mutable_model() = ToSampledMessage(swapped->current);
        *call.response->mutable_previous() = ToSampledMessage(swapped->previous);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::RollbackModel(Context* context, const Bytes* request,
                                                           Bytes* response) {
  return Answer<v1::RollbackModelRequest, v1::RollbackModelResponse>(
      "RollbackModel", context, request, response, nullptr,
      [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.name(), "name"));
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<absl::Duration> drain_timeout,
                                    DrainTimeoutOf(call.request));
        call.record.AddField({"model", call.request.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelRegistry::Swapped swapped,
            dependencies_.registry->Rollback(call.request.name(), drain_timeout));
        call.record.AddField({"version", swapped.current.version});
        *call.response->mutable_model() = ToMessage(swapped.current);
        *call.response->mutable_previous() = ToMessage(swapped.previous);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::UnloadModel(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return Answer<v1::UnloadModelRequest, v1::UnloadModelResponse>(
      "UnloadModel", context, request, response, nullptr, [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.name(), "name"));
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<absl::Duration> drain_timeout,
                                    DrainTimeoutOf(call.request));
        call.record.AddField({"model", call.request.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelSnapshot model,
            dependencies_.registry->Unload(call.request.name(), VersionOf(call.request),
                                           drain_timeout.value_or(dependencies_.drain_timeout)));
        call.record.AddField({"version", model.version});
        *call.response->mutable_model() = ToMessage(model);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::WarmModel(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return Answer<v1::WarmModelRequest, v1::WarmModelResponse>(
      "WarmModel", context, request, response, dependencies_.tasks,
      [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.name(), "name"));
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<WarmMode> mode,
                                    WarmModeOf(call.request.mode(), "mode"));
        if (mode == WarmMode::kNone) {
          return absl::InvalidArgumentError(
              "mode: expected WARM_MODE_POPULATE or WARM_MODE_FORWARD, found WARM_MODE_NONE");
        }
        call.record.AddField({"model", call.request.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelSnapshot model,
            dependencies_.registry->Warm(call.request.name(), VersionOf(call.request),
                                         mode.value_or(WarmMode::kPopulate), call.cancelled));
        *call.response->mutable_model() = ToSampledMessage(model);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::ParkModel(Context* context, const Bytes* request,
                                                       Bytes* response) {
  return Answer<v1::ParkModelRequest, v1::ParkModelResponse>(
      "ParkModel", context, request, response, dependencies_.tasks,
      [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.name(), "name"));
        call.record.AddField({"model", call.request.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelSnapshot model,
            dependencies_.registry->Park(call.request.name(), VersionOf(call.request)));
        *call.response->mutable_model() = ToSampledMessage(model);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::SetAlias(Context* context, const Bytes* request,
                                                      Bytes* response) {
  return Answer<v1::SetAliasRequest, v1::SetAliasResponse>(
      "SetAlias", context, request, response, nullptr, [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.alias(), "alias"));
        FIRSTLIGHT_RETURN_IF_ERROR(CheckNameField(call.request.name(), "name"));
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<absl::Duration> drain_timeout,
                                    DrainTimeoutOf(call.request));
        call.record.AddField({"alias", call.request.alias()});
        call.record.AddField({"model", call.request.name()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const ModelRegistry::AliasTarget target,
            dependencies_.registry->SetAlias(
                {call.request.alias(), call.request.name(), VersionOf(call.request)},
                drain_timeout));
        call.record.AddField({"version", target.model.version});
        *call.response->mutable_alias() = ToMessage(target.alias);
        *call.response->mutable_model() = ToMessage(target.model);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::DeleteAlias(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return Answer<v1::DeleteAliasRequest, v1::DeleteAliasResponse>(
      "DeleteAlias", context, request, response, nullptr, [this](const auto& call) -> absl::Status {
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<absl::Duration> drain_timeout,
                                    DrainTimeoutOf(call.request));
        call.record.AddField({"alias", call.request.alias()});
        FIRSTLIGHT_ASSIGN_OR_RETURN(
            const AliasSnapshot alias,
            dependencies_.registry->DeleteAlias(call.request.alias(), drain_timeout));
        *call.response->mutable_alias() = ToMessage(alias);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ModelAdminService::ListAliases(Context* context, const Bytes* request,
                                                         Bytes* response) {
  return Answer<v1::ListAliasesRequest, v1::ListAliasesResponse>(
      "ListAliases", context, request, response, nullptr, [this](const auto& call) {
        for (const AliasSnapshot& alias : dependencies_.registry->Aliases()) {
          *call.response->add_aliases() = ToMessage(alias);
        }
        return absl::OkStatus();
      });
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
