#ifndef FIRSTLIGHT_SERVER_RPC_MODEL_ADMIN_SERVICE_H_
#define FIRSTLIGHT_SERVER_RPC_MODEL_ADMIN_SERVICE_H_

// firstlight.v1.ModelAdminService. Registered raw, as GenerationService. What reads files or
// weights runs on `tasks`, and a client that goes away does not stop a load or a swap there; what
// samples residency runs on `sampling`, so that one can look while loads are under way; the rest
// is answered at once.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "firstlight/v1/model_admin.grpc.pb.h"
#include "loader/base/mutex.h"
#include "server/base/task_pool.h"
#include "server/models/model_registry.h"
#include "server/rpc/call.h"
#include "server/rpc/delivery_thread.h"

namespace firstlight {

class ModelWatch;

namespace model_admin_service_internal {

// Every method raw, in the order of the proto.
using V1 = v1::ModelAdminService;
using Watching = V1::WithRawCallbackMethod_WatchModels<V1::Service>;
using Aliasing = V1::WithRawCallbackMethod_SetAlias<
    V1::WithRawCallbackMethod_DeleteAlias<V1::WithRawCallbackMethod_ListAliases<Watching>>>;
using Warming = V1::WithRawCallbackMethod_WarmModel<V1::WithRawCallbackMethod_ParkModel<Aliasing>>;
using Swapping = V1::WithRawCallbackMethod_SwapModel<
    V1::WithRawCallbackMethod_RollbackModel<V1::WithRawCallbackMethod_UnloadModel<Warming>>>;
using Service = V1::WithRawCallbackMethod_ListModels<
    V1::WithRawCallbackMethod_GetModel<V1::WithRawCallbackMethod_LoadModel<Swapping>>>;

}  // namespace model_admin_service_internal

class ModelAdminService final : public model_admin_service_internal::Service {
 public:
  // Everything outlives the service and its calls.
  struct Dependencies {
    CallEnvironment calls;
    ModelRegistry* registry = nullptr;
    DeliveryThread* delivery = nullptr;
    TaskPool* tasks = nullptr;
    TaskPool* sampling = nullptr;
    absl::Duration drain_timeout;  // of UnloadModel, unless the request names one
  };

  explicit ModelAdminService(const Dependencies& dependencies);

  // Ends every WatchModels call, those that come later too.
  void EndWatches();

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;
  Reactor* ListModels(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* GetModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* LoadModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* SwapModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* RollbackModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* UnloadModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* WarmModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ParkModel(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* SetAlias(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* DeleteAlias(Context* context, const Bytes* request, Bytes* response) override;
  Reactor* ListAliases(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerWriteReactor<Bytes>* WatchModels(Context* context, const Bytes* request) override;

 private:
  // One unary call.
  template <typename Request, typename Response>
  struct Call {
    const Request& request;
    Response* response;
    const Cancellation& cancelled;
    CallRecord& record;
  };
  template <typename Request, typename Response>
  using Work = std::function<absl::Status(const Call<Request, Response>&)>;

  // Parses the request, runs `work` on `tasks` (nullptr: here), serializes its response.
  template <typename Request, typename Response>
  Reactor* Answer(const char* method, Context* context, const Bytes* request, Bytes* response,
                  TaskPool* tasks, Work<Request, Response> work);

  const Dependencies dependencies_;
  Mutex mutex_;
  bool watches_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<ModelWatch>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_MODEL_ADMIN_SERVICE_H_
