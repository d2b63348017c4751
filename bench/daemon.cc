#include "bench/daemon.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "bench/http_get.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr absl::Duration kServingTimeout = absl::Minutes(1);
constexpr absl::Duration kPollInterval = absl::Microseconds(500);

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string Loopback(int port) { return absl::StrCat("127.0.0.1:", port); }

std::shared_ptr<grpc::Channel> NewChannel(int port) {
  return grpc::CreateChannel(Loopback(port), grpc::InsecureChannelCredentials());
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

absl::StatusOr<absl::Duration> AwaitServing(ChildProcess& process, int port,
                                            const std::string& service,
                                            std::shared_ptr<grpc::Channel>* channel) {
  // A channel backs off 100 ms and more after a refused connect, so it is made after one worked.
  FIRSTLIGHT_RETURN_IF_ERROR(process.AwaitListening(port));
  if (*channel == nullptr) *channel = NewChannel(port);
  const auto stub = grpc::health::v1::Health::NewStub(*channel);
  while (true) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = stub->Check(&context, request, &response);
    const absl::Duration elapsed = process.SinceStart();
    if (status.ok() && response.status() == grpc::health::v1::HealthCheckResponse::SERVING) {
      return elapsed;
    }
    if (!process.IsRunning()) return absl::AbortedError("the server has ended");
    if (elapsed > kServingTimeout) {
      return absl::DeadlineExceededError(absl::StrCat(service, " is not SERVING after ",
                                                      absl::FormatDuration(elapsed), ": ",
                                                      status.error_message()));
    }
    absl::SleepFor(kPollInterval);
  }
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Options& options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int port, FreePort());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int admin_port, FreePort());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int metrics_port, FreePort());
  std::vector<std::string> arguments = {
      absl::StrCat(options.binary_dir, "/firstlightd"), "--listen", Loopback(port),
      "--admin-listen", Loopback(admin_port), "--metrics-listen", Loopback(metrics_port),
      // No load balancer has to notice that it stops.
      "--drain-delay", "0s"};
  for (const NamedCheckpoint& model : options.models) {
    arguments.push_back("--model");
    arguments.push_back(absl::StrCat(model.name, "=", model.directory));
  }
  arguments.insert(arguments.end(), options.flags.begin(), options.flags.end());
  FIRSTLIGHT_ASSIGN_OR_RETURN(ChildProcess process,
                              ChildProcess::Start(arguments, options.log_path));
  return std::unique_ptr<Daemon>(new Daemon(std::move(process), port, admin_port, metrics_port));
}

Daemon::Daemon(ChildProcess process, int port, int admin_port, int metrics_port)
    : process_(std::move(process)),
      port_(port),
      admin_port_(admin_port),
      metrics_port_(metrics_port) {}

absl::StatusOr<absl::Duration> Daemon::AwaitServing(const std::string& model) {
  return firstlight::AwaitServing(process_, port_, model, &channel_);
}

absl::StatusOr<StreamFigures> Daemon::Generate(const std::string& model,
                                               const std::vector<int32_t>& prompt,
                                               int64_t max_tokens) {
  v1::GenerateRequest request;
  request.set_model(model);
  request.mutable_prompt_token_ids()->mutable_ids()->Add(prompt.begin(), prompt.end());
  request.mutable_sampling()->set_temperature(0);
  request.mutable_stopping()->set_max_tokens(static_cast<int32_t>(max_tokens));
  request.mutable_stopping()->set_ignore_eos(true);
  request.mutable_output()->set_token_ids(true);
  grpc::ClientContext context;
  const auto stub = v1::GenerationService::NewStub(channel_);
  const auto stream = stub->Generate(&context, request);
  StreamFigures figures;
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    if (response.has_started()) figures.version = response.started().version();
    if (response.has_delta()) {
      for (const v1::Token& token : response.delta().tokens()) {
        figures.token_ids.push_back(token.id());
      }
      figures.token_times.insert(figures.token_times.end(), response.delta().tokens_size(),
                                 absl::Now());
    }
    if (response.has_finished()) {
      figures.prefill = ToDuration(response.finished().timings().prefill());
      figures.residency = response.finished().residency().residency_class();
    }
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ToStatus(stream->Finish()));
  if (static_cast<int64_t>(figures.token_times.size()) != max_tokens) {
    return absl::InternalError(
        absl::StrCat("expected ", max_tokens, " tokens, got ", figures.token_times.size()));
  }
  return figures;
}

absl::StatusOr<v1::Model> Daemon::GetModel(const std::string& model) {
  v1::GetModelRequest request;
  request.set_name(model);
  grpc::ClientContext context;
  v1::GetModelResponse response;
  const auto stub = v1::ModelAdminService::NewStub(NewChannel(admin_port_));
  FIRSTLIGHT_RETURN_IF_ERROR(ToStatus(stub->GetModel(&context, request, &response)));
  return response.model();
}

absl::StatusOr<std::vector<v1::Model>> Daemon::ListModels() {
  grpc::ClientContext context;
  v1::ListModelsResponse response;
  const auto stub = v1::ModelAdminService::NewStub(NewChannel(admin_port_));
  FIRSTLIGHT_RETURN_IF_ERROR(ToStatus(stub->ListModels(&context, {}, &response)));
  return std::vector<v1::Model>(response.models().begin(), response.models().end());
}

absl::StatusOr<int64_t> Daemon::Swap(const std::string& model, const std::string& directory) {
  v1::SwapModelRequest request;
  request.set_name(model);
  request.set_directory(directory);
  grpc::ClientContext context;
  v1::SwapModelResponse response;
  const auto stub = v1::ModelAdminService::NewStub(NewChannel(admin_port_));
  FIRSTLIGHT_RETURN_IF_ERROR(ToStatus(stub->SwapModel(&context, request, &response)));
  return response.model().version();
}

absl::StatusOr<absl::Duration> Daemon::Scrape() {
  const absl::Time start = absl::Now();
  FIRSTLIGHT_RETURN_IF_ERROR(HttpGet(metrics_port_, "/metrics").status());
  return absl::Now() - start;
}

absl::StatusOr<double> Daemon::Metric(const std::string& series) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string page, HttpGet(metrics_port_, "/metrics"));
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, absl::StrCat(series, " ")) &&
        absl::SimpleAtod(line.substr(series.size() + 1), &value)) {
      return value;
    }
  }
  return absl::NotFoundError(absl::StrCat("/metrics has no series ", series));
}

absl::Status Daemon::AwaitTokenizer(const std::string& model) {
  v1::TokenizeRequest request;
  request.set_model(model);
  request.set_text("a");
  grpc::ClientContext context;
  v1::TokenizeResponse response;
  const auto stub = v1::GenerationService::NewStub(channel_);
  return ToStatus(stub->Tokenize(&context, request, &response));
}

}  // namespace firstlight
