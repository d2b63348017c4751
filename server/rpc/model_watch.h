#ifndef FIRSTLIGHT_SERVER_RPC_MODEL_WATCH_H_
#define FIRSTLIGHT_SERVER_RPC_MODEL_WATCH_H_

// One WatchModels call: the latest change of each version that the client has not seen yet, in the
// order in which the versions first changed. What waits is bounded by the number of versions.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "loader/base/mutex.h"
#include "server/models/model_catalog.h"
#include "server/models/model_registry.h"
#include "server/rpc/message_stream.h"

namespace firstlight {

class ModelWatch final : public MessageStream {
 public:
  // Watches `name` alone unless it is empty. The registry outlives the call.
  ModelWatch(DeliveryThread* delivery, ModelRegistry* registry, std::string name);

  // Starts to listen. After Open().
  void Start();
  // Ends the call.
  void Close(absl::Status status);

 protected:
  std::optional<grpc::ByteBuffer> Next() override;
  std::optional<absl::Status> End() override;
  void OnCancelled() override;
  void OnOver() override;

 private:
  void OnChange(const ModelChange& change);

  ModelRegistry* const registry_;
  const std::string name_;
  std::optional<ModelRegistry::ListenerId> listener_;

  Mutex mutex_;
  std::deque<int64_t> order_ ABSL_GUARDED_BY(mutex_);               // of pending_
  std::map<int64_t, ModelChange> pending_ ABSL_GUARDED_BY(mutex_);  // by version
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_MODEL_WATCH_H_
