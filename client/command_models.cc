#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/commands.h"
#include "client/input.h"
#include "client/session.h"
#include "firstlight/v1/model_admin.grpc.pb.h"

namespace firstlight {
namespace {

struct ModelsOptions {
  std::string name;
  std::string directory;
  bool validate_only = false;
  std::optional<double> drain_timeout;  // seconds
};

std::string StateText(v1::ModelState state) {
  constexpr std::string_view kPrefix = "MODEL_STATE_";
  return v1::ModelState_Name(state).substr(kPrefix.size());
}

std::string Gigabytes(int64_t bytes) {
  return absl::StrFormat("%.3f GB", static_cast<double>(bytes) / 1e9);
}

void PrintHeader() {
  std::printf("%-20s %7s %-9s %8s %11s %11s %11s  %s\n", "NAME", "VERSION", "STATE", "REQUESTS",
              "ASSIGNED", "COPIED", "TIED", "DIRECTORY");
}

void PrintRow(const v1::Model& model) {
  const v1::WeightBytes& weights = model.weight_bytes();
  std::printf("%-20s %7ld %-9s %8d %11s %11s %11s  %s\n", model.name().c_str(),
              static_cast<long>(model.version()), StateText(model.state()).c_str(),
              model.requests_in_flight(), Gigabytes(weights.assigned()).c_str(),
              Gigabytes(weights.copied()).c_str(), Gigabytes(weights.tied()).c_str(),
              model.directory().c_str());
  if (!model.state_reason().empty()) std::printf("    %s\n", model.state_reason().c_str());
  std::fflush(stdout);
}

// Prints `response` as JSON, or its `models` as a table.
int Show(const CommonOptions& common, const google::protobuf::Message& response,
         const std::vector<v1::Model>& models) {
  if (common.json) {
    PrintJson(response);
    return kExitDone;
  }
  PrintHeader();
  for (const v1::Model& model : models) PrintRow(model);
  return kExitDone;
}

std::unique_ptr<v1::ModelAdminService::Stub> Stub(const CommonOptions& common) {
  return v1::ModelAdminService::NewStub(Connect(common.admin_address));
}

int List(const CommonOptions& common) {
  grpc::ClientContext context;
  v1::ListModelsResponse response;
  const grpc::Status status = Stub(common)->ListModels(&context, {}, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.models().begin(), response.models().end()});
}

int Get(const CommonOptions& common, const ModelsOptions& options) {
  v1::GetModelRequest request;
  request.set_name(options.name);
  grpc::ClientContext context;
  v1::GetModelResponse response;
  const grpc::Status status = Stub(common)->GetModel(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

// The daemon resolves no relative path: its working directory is not the user's.
std::string AbsolutePath(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(directory, error);
  return error ? directory : path.lexically_normal().string();
}

int Load(const CommonOptions& common, const ModelsOptions& options) {
  v1::LoadModelRequest request;
  request.set_name(options.name);
  request.set_directory(AbsolutePath(options.directory));
  request.set_validate_only(options.validate_only);
  grpc::ClientContext context;
  const InterruptGuard interrupt(&context);
  v1::LoadModelResponse response;
  const grpc::Status status = Stub(common)->LoadModel(&context, request, &response);
  if (interrupt.interrupted()) return kExitInterrupted;
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

int Swap(const CommonOptions& common, const ModelsOptions& options) {
  v1::SwapModelRequest request;
  request.set_name(options.name);
  request.set_directory(AbsolutePath(options.directory));
  request.set_validate_only(options.validate_only);
  if (options.drain_timeout.has_value()) {
    *request.mutable_drain_timeout() = ToDuration(*options.drain_timeout);
  }
  grpc::ClientContext context;
  const InterruptGuard interrupt(&context);
  v1::SwapModelResponse response;
  const grpc::Status status = Stub(common)->SwapModel(&context, request, &response);
  if (interrupt.interrupted()) return kExitInterrupted;
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  if (options.validate_only) return Show(common, response, {response.model()});
  return Show(common, response, {response.previous(), response.model()});
}

int Unload(const CommonOptions& common, const ModelsOptions& options) {
  v1::UnloadModelRequest request;
  request.set_name(options.name);
  if (options.drain_timeout.has_value()) {
    *request.mutable_drain_timeout() = ToDuration(*options.drain_timeout);
  }
  grpc::ClientContext context;
  v1::UnloadModelResponse response;
  const grpc::Status status = Stub(common)->UnloadModel(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

int Watch(const CommonOptions& common, const ModelsOptions& options) {
  v1::WatchModelsRequest request;
  request.set_name(options.name);
  grpc::ClientContext context;
  const InterruptGuard interrupt(&context);
  const auto stub = Stub(common);
  const auto stream = stub->WatchModels(&context, request);
  if (!common.json) PrintHeader();
  v1::WatchModelsResponse response;
  while (stream->Read(&response)) {
    if (common.json) {
      PrintJson(response);
      continue;
    }
    PrintRow(response.model());
    if (response.type() == v1::CHANGE_TYPE_REMOVED) std::printf("    removed\n");
    std::fflush(stdout);
  }
  const grpc::Status status = stream->Finish();
  if (interrupt.interrupted()) return kExitInterrupted;
  return status.ok() ? kExitDone : ReportFailure(status, common.admin_address);
}

}  // namespace

void AddModelsCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* models = app.add_subcommand("models", "List, load, swap, unload and watch models");
  models->require_subcommand(0, 1);
  auto options = std::make_shared<ModelsOptions>();
  const auto add = [&](const char* name, const char* help, auto run) {
    CLI::App* command = models->add_subcommand(name, help);
    command->callback([run, options, &common, exit_code] { *exit_code = run(common, *options); });
    return command;
  };
  const auto add_name = [&](CLI::App* command) {
    command->add_option("name", options->name, "Name of the model")->required();
  };
  const auto add_directory = [&](CLI::App* command) {
    command->add_option("directory", options->directory, "Checkpoint on the daemon's host")
        ->required();
    command->add_flag("--validate-only", options->validate_only, "Check it and change nothing");
  };
  const auto add_drain_timeout = [&](CLI::App* command) {
    command
        ->add_option("--drain-timeout", options->drain_timeout,
                     "Seconds that running requests may go on")
        ->check(CLI::Range(0.0, kMaxSeconds));
  };

  add("list", "Every version of every model (the default)",
      [](const CommonOptions& common, const ModelsOptions&) { return List(common); });
  add_name(add("get", "One model", Get));
  CLI::App* load = add("load", "Load a checkpoint under a new name", Load);
  add_name(load);
  add_directory(load);
  CLI::App* swap = add("swap", "Replace a model; streams keep the version they began on", Swap);
  add_name(swap);
  add_directory(swap);
  add_drain_timeout(swap);
  CLI::App* unload = add("unload", "Take a model away once its requests are done", Unload);
  add_name(unload);
  add_drain_timeout(unload);
  CLI::App* watch = add("watch", "Print every change as it happens", Watch);
  watch->add_option("name", options->name, "Watch this model alone");

  models->callback([models, &common, exit_code] {
    if (models->get_subcommands().empty()) *exit_code = List(common);
  });
}

}  // namespace firstlight
