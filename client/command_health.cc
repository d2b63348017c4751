#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "client/commands.h"
#include "client/session.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace firstlight {
namespace {

namespace health = grpc::health::v1;

// A probe that hangs is a probe that failed.
constexpr std::chrono::seconds kTimeout(5);

int Health(const CommonOptions& common, const std::string& model) {
  health::HealthCheckRequest request;
  request.set_service(model);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  health::HealthCheckResponse response;
  const auto stub = health::Health::NewStub(Connect(common.address));
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.address);
  if (common.json) {
    PrintJson(response);
  } else {
    std::puts(health::HealthCheckResponse::ServingStatus_Name(response.status()).c_str());
  }
  return response.status() == health::HealthCheckResponse::SERVING ? kExitDone : kExitFailed;
}

}  // namespace

void AddHealthCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand("health", "Exits with 0 only when the daemon is SERVING");
  auto model = std::make_shared<std::string>();
  command->add_option("--model", *model, "Ask for one model rather than the process");
  command->callback([model, &common, exit_code] { *exit_code = Health(common, *model); });
}

}  // namespace firstlight
