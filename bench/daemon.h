#ifndef FIRSTLIGHT_BENCH_DAEMON_H_
#define FIRSTLIGHT_BENCH_DAEMON_H_

// A firstlightd under measurement, on free ports of 127.0.0.1, with stubs to ask it.

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/child_process.h"
#include "firstlight/v1/generation.grpc.pb.h"
#include "firstlight/v1/model_admin.grpc.pb.h"

namespace firstlight {

struct NamedCheckpoint {
  std::string name;
  std::string directory;
};

// What one stream of generation measured, on the client's clock.
struct StreamFigures {
  std::vector<absl::Time> token_times;  // arrival of each generated token; never empty
  std::vector<int32_t> token_ids;       // the same tokens
  int64_t version = 0;                  // of the model
  absl::Duration prefill;               // as the server timed it
  v1::ResidencyClass residency = v1::RESIDENCY_CLASS_UNSPECIFIED;
};

class Daemon {
 public:
  struct Options {
    std::string binary_dir;
    std::vector<NamedCheckpoint> models;
    std::vector<std::string> flags{};  // besides --model and the listeners
    std::string log_path;
  };

  // Starts firstlightd and returns at once.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Options& options);

  // Waits until health says SERVING for `model` and returns the time since just before the fork.
  absl::StatusOr<absl::Duration> AwaitServing(const std::string& model);

  // Generates exactly `max_tokens` greedy tokens from `prompt`, past any end of sequence.
  absl::StatusOr<StreamFigures> Generate(const std::string& model,
                                         const std::vector<int32_t>& prompt, int64_t max_tokens);

  // The weights of `model`, as the admin service shows them.
  absl::StatusOr<v1::Model> GetModel(const std::string& model);

  // Every version of every model.
  absl::StatusOr<std::vector<v1::Model>> ListModels();

  // Swaps `model` with the daemon's defaults; the version that serves now.
  absl::StatusOr<int64_t> Swap(const std::string& model, const std::string& directory);

  // How long a scrape of /metrics takes, from connecting to the last byte.
  absl::StatusOr<absl::Duration> Scrape();
  // The value of a series without labels on /metrics. NOT_FOUND.
  absl::StatusOr<double> Metric(const std::string& series);

  // Returns once the tokenizer of `model` is there.
  absl::Status AwaitTokenizer(const std::string& model);

  ChildProcess& process() { return process_; }

 private:
  Daemon(ChildProcess process, int port, int admin_port, int metrics_port);

  ChildProcess process_;
  const int port_;
  const int admin_port_;
  const int metrics_port_;
  std::shared_ptr<grpc::Channel> channel_;  // made once the port accepts
};

// Waits until a gRPC server at 127.0.0.1:port is SERVING `service`; the time since its start.
absl::StatusOr<absl::Duration> AwaitServing(ChildProcess& process, int port,
                                            const std::string& service,
                                            std::shared_ptr<grpc::Channel>* channel);

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_DAEMON_H_
