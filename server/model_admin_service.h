#ifndef FIRSTLIGHT_SERVER_MODEL_ADMIN_SERVICE_H_
#define FIRSTLIGHT_SERVER_MODEL_ADMIN_SERVICE_H_

// firstlight.v1.ModelAdminService. Registered raw, as GenerationService. Loads and swaps run on
// `tasks`; a client that goes away does not stop them.

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "firstlight/v1/model_admin.grpc.pb.h"
#include "loader/base/mutex.h"
#include "server/call.h"
#include "server/delivery_thread.h"
#include "server/model_registry.h"
#include "server/task_pool.h"

namespace firstlight {

class ModelWatch;

v1::Model ToMessage(const ModelSnapshot& snapshot);

class ModelAdminService final
    : public v1::ModelAdminService::WithRawCallbackMethod_ListModels<
          v1::ModelAdminService::WithRawCallbackMethod_GetModel<
              v1::ModelAdminService::WithRawCallbackMethod_LoadModel<
                  v1::ModelAdminService::WithRawCallbackMethod_SwapModel<
                      v1::ModelAdminService::WithRawCallbackMethod_UnloadModel<
                          v1::ModelAdminService::WithRawCallbackMethod_WatchModels<
                              v1::ModelAdminService::Service>>>>>> {
 public:
  // Everything outlives the service and its calls.
  struct Dependencies {
    CallEnvironment calls;
    ModelRegistry* registry = nullptr;
    DeliveryThread* delivery = nullptr;
    TaskPool* tasks = nullptr;
    absl::Duration drain_timeout;  // of UnloadModel, unless the request names one
  };

  explicit ModelAdminService(const Dependencies& dependencies);

  // Ends every WatchModels call, those that come later too.
  void EndWatches();

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SwapModel(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchModels(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request) override;

 private:
  const Dependencies dependencies_;
  Mutex mutex_;
  bool watches_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<ModelWatch>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODEL_ADMIN_SERVICE_H_
