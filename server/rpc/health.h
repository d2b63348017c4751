#ifndef FIRSTLIGHT_SERVER_RPC_HEALTH_H_
#define FIRSTLIGHT_SERVER_RPC_HEALTH_H_

// grpc.health.v1 and what /healthz says, from one table: the empty name for the process, one name
// for each service, each model and each alias.
//
// The process serves from SetStarted() to SetDraining(), unless it has models and every one of them
// has failed. A server without models serves. While the process drains or starts, every name is
// NOT_SERVING. Thread-safe.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "loader/base/mutex.h"
#include "server/models/model_catalog.h"
#include "server/rpc/delivery_thread.h"

namespace firstlight {

class HealthTable {
 public:
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;
  class Watch;

  explicit HealthTable(std::vector<std::string> services);

  void SetStarted();
  void SetDraining();
  // Listener of the registry.
  void OnModelChange(const ModelChange& change);

  // Nothing for a name that is unknown.
  std::optional<Status> Check(const std::string& name) const;
  // OK when the process serves, else UNAVAILABLE with the reason.
  absl::Status process_status() const;

  // `watch` is told (MessageStream::Wake) of every change until it is removed or gone.
  void AddWatch(std::weak_ptr<Watch> watch);
  // Ends every watch, those that come later too.
  void EndWatches();
  bool watches_ended() const;

 private:
  enum class Phase { kStarting, kServing, kDraining };
  struct ModelHealth {
    bool serves = false;
    std::string reason;  // of a model that has failed
  };

  absl::Status ProcessStatusLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeWatches() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::vector<std::string> services_;
  mutable Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kStarting;
  std::map<std::string, ModelHealth> models_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> aliases_
      ABSL_GUARDED_BY(mutex_);  // whether it leads to one that serves
  std::vector<std::weak_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
  bool watches_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// The service. One for each grpc::Server, on one table. Health checks are neither logged nor
// counted, and are answered while the process drains.
class HealthService final : public grpc::health::v1::Health::WithRawCallbackMethod_Check<
                                grpc::health::v1::Health::WithRawCallbackMethod_Watch<
                                    grpc::health::v1::Health::Service>> {
 public:
  // Both outlive the service.
  HealthService(HealthTable* table, DeliveryThread* delivery);

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;

 private:
  HealthTable* const table_;
  DeliveryThread* const delivery_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_HEALTH_H_
