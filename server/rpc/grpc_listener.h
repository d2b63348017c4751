#ifndef FIRSTLIGHT_SERVER_RPC_GRPC_LISTENER_H_
#define FIRSTLIGHT_SERVER_RPC_GRPC_LISTENER_H_

// A grpc::Server on one address, with the limits that both of the daemon's have.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

namespace firstlight {

class GrpcListener {
 public:
  struct Options {
    std::string address;  // HOST:PORT or unix:PATH; port 0 takes a free one
    int max_receive_bytes = 0;
    // Services outlive the listener.
    std::vector<grpc::Service*> services;
  };

  // Serves when it returns. UNAVAILABLE naming the address and the reason when it cannot listen.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Create(const Options& options);
  // As Shutdown(0).
  ~GrpcListener();

  // The address with the port in use.
  const std::string& address() const { return address_; }

  // Takes no new connections, and cancels the calls that have not ended after `grace`. Blocks until
  // no call is left.
  void Shutdown(absl::Duration grace);

 private:
  GrpcListener() = default;

  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

// Registers server reflection for every grpc::Server made from now on. Once, before the first.
void EnableReflection();

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_GRPC_LISTENER_H_
