#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_SERVER_PROCESS_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_SERVER_PROCESS_H_

// The real firstlightd as a child process on free ports, and clients of it.
//
// Nothing here waits by the clock alone: Start() returns when the daemon has said that it serves,
// WaitForLog() when a line appears, WaitForExit() when the process has ended. Each gives up, and
// fails the test, after a limit that no working server comes near.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "firstlight/v1/generation.grpc.pb.h"
#include "firstlight/v1/model_admin.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "loader/base/mutex.h"
#include "tests/server/support/http_get.h"

namespace firstlight {

inline constexpr absl::Duration kPatience = absl::Minutes(2);

class ServerProcess {
 public:
  struct Exit {
    int code = -1;  // 128 + signal when one killed it
    std::string log;
  };

  // Runs firstlightd with `arguments` and the listeners on free ports of 127.0.0.1 (unless the
  // arguments name them), with a drain that does not wait for load balancers.
  explicit ServerProcess(std::vector<std::string> arguments);
  // SIGKILL where it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Runs it to its end.
  static Exit RunToExit(std::vector<std::string> arguments);

  // Waits until it serves. False when it has ended instead.
  bool AwaitServing();
  // Waits until the log holds `text`. False when the process has ended without it.
  bool WaitForLog(const std::string& text);
  std::string log() const;

  void Signal(int signal) const;
  Exit WaitForExit();
  bool running() const;

  const std::string& address() const { return address_; }
  const std::string& admin_address() const { return admin_address_; }
  const std::string& metrics_address() const { return metrics_address_; }

  std::unique_ptr<v1::GenerationService::Stub> Generation() const;
  std::unique_ptr<v1::ModelAdminService::Stub> Admin() const;
  std::unique_ptr<grpc::health::v1::Health::Stub> Health() const;
  std::shared_ptr<grpc::Channel> Channel() const { return NewChannel(address_); }
  static std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);

  // The value of one series of /metrics, written as it stands there
  // (`firstlight_sequences{model="m",state="running"}`); -1 where it is not.
  double Metric(const std::string& series) const;
  // RssAnon of the process; -1 when it is gone. Unit: bytes.
  int64_t AnonymousBytes() const;
  // Scrapes until `condition` holds for the series. False when the limit passes first.
  bool WaitForMetric(const std::string& series, const std::function<bool(double)>& condition) const;

 private:
  void ReadLog(int fd);

  pid_t pid_ = -1;
  std::thread reader_;
  std::string address_;
  std::string admin_address_;
  std::string metrics_address_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::string log_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  int exit_code_ ABSL_GUARDED_BY(mutex_) = -1;
};

// What a Generate call gave.
struct Generated {
  grpc::Status status;
  std::vector<v1::GenerateResponse> messages;

  const v1::GenerationStarted& started() const { return messages.front().started(); }
  const v1::GenerationFinished& finished() const { return messages.back().finished(); }
  std::string text() const;
  std::vector<int32_t> token_ids() const;
};
Generated RunGenerate(v1::GenerationService::Stub* stub, const v1::GenerateRequest& request);

// Over token ids, greedy, never ending by itself before `max_tokens`. Of the only model where none
// is named.
v1::GenerateRequest TokenRequest(int max_tokens, const std::string& model = "");

// The ErrorInfo of a status, and its RetryInfo where it has one. Fails the test when there is not
// exactly one ErrorInfo of our domain.
google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status);
bool HasRetryInfo(const grpc::Status& status);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_SERVER_PROCESS_H_
