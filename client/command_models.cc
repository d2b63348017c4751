#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "client/commands.h"
#include "client/input.h"
#include "client/model_table.h"
#include "client/session.h"
#include "firstlight/v1/model_admin.grpc.pb.h"

namespace firstlight {
namespace {

struct ModelsOptions {
  std::string name;
  std::string directory;
  bool validate_only = false;
  bool keep_previous = false;
  bool delete_alias = false;
  std::optional<double> drain_timeout;  // seconds
  std::optional<int64_t> version;
  std::string warm;  // a word of WarmModes(); empty: the daemon's default
  std::string alias;
};

const std::map<std::string, v1::WarmMode>& WarmModes() {
  static const auto& modes = *new std::map<std::string, v1::WarmMode>{
      {"none", v1::WARM_MODE_NONE},
      {"populate", v1::WARM_MODE_POPULATE},
      {"forward", v1::WARM_MODE_FORWARD},
  };
  return modes;
}

template <typename Request>
void SetDrainTimeout(const ModelsOptions& options, Request* request) {
  if (!options.drain_timeout.has_value()) return;
  *request->mutable_drain_timeout() = ToDuration(*options.drain_timeout);
}

template <typename Request>
void SetVersion(const ModelsOptions& options, Request* request) {
  if (options.version.has_value()) request->set_version(*options.version);
}

// Prints `response` as JSON, or its `models` as a table.
int Show(const CommonOptions& common, const google::protobuf::Message& response,
         const std::vector<v1::Model>& models) {
  if (common.json) {
    PrintJson(response);
    return kExitDone;
  }
  PrintModelHeader();
  for (const v1::Model& model : models) PrintModelRow(model, absl::Now());
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
  SetVersion(options, &request);
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
  request.set_keep_previous(options.keep_previous);
  if (!options.warm.empty()) request.set_warm(WarmModes().at(options.warm));
  SetDrainTimeout(options, &request);
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
  SetDrainTimeout(options, &request);
  SetVersion(options, &request);
  grpc::ClientContext context;
  v1::UnloadModelResponse response;
  const grpc::Status status = Stub(common)->UnloadModel(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

int Rollback(const CommonOptions& common, const ModelsOptions& options) {
  v1::RollbackModelRequest request;
  request.set_name(options.name);
  SetDrainTimeout(options, &request);
  grpc::ClientContext context;
  v1::RollbackModelResponse response;
  const grpc::Status status = Stub(common)->RollbackModel(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.previous(), response.model()});
}

int Warm(const CommonOptions& common, const ModelsOptions& options) {
  v1::WarmModelRequest request;
  request.set_name(options.name);
  SetVersion(options, &request);
  if (!options.warm.empty()) request.set_mode(WarmModes().at(options.warm));
  grpc::ClientContext context;
  const InterruptGuard interrupt(&context);
  v1::WarmModelResponse response;
  const grpc::Status status = Stub(common)->WarmModel(&context, request, &response);
  if (interrupt.interrupted()) return kExitInterrupted;
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

int Park(const CommonOptions& common, const ModelsOptions& options) {
  v1::ParkModelRequest request;
  request.set_name(options.name);
  SetVersion(options, &request);
  grpc::ClientContext context;
  v1::ParkModelResponse response;
  const grpc::Status status = Stub(common)->ParkModel(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return Show(common, response, {response.model()});
}

int ShowAliases(const CommonOptions& common, const google::protobuf::Message& response,
                const std::vector<v1::Alias>& aliases) {
  if (common.json) {
    PrintJson(response);
    return kExitDone;
  }
  PrintAliasHeader();
  for (const v1::Alias& alias : aliases) PrintAliasRow(alias);
  return kExitDone;
}

// Without an alias: all of them.
int Alias(const CommonOptions& common, const ModelsOptions& options) {
  const auto stub = Stub(common);
  grpc::ClientContext context;
  if (options.alias.empty()) {
    v1::ListAliasesResponse response;
    const grpc::Status status = stub->ListAliases(&context, {}, &response);
    if (!status.ok()) return ReportFailure(status, common.admin_address);
    return ShowAliases(common, response, {response.aliases().begin(), response.aliases().end()});
  }
  if (options.delete_alias) {
    v1::DeleteAliasRequest request;
    request.set_alias(options.alias);
    SetDrainTimeout(options, &request);
    v1::DeleteAliasResponse response;
    const grpc::Status status = stub->DeleteAlias(&context, request, &response);
    if (!status.ok()) return ReportFailure(status, common.admin_address);
    return ShowAliases(common, response, {response.alias()});
  }
  if (options.name.empty()) {
    std::fprintf(stderr, "firstlight: alias: expected the name of a model, or --delete\n");
    return kExitUsage;
  }
  v1::SetAliasRequest request;
  request.set_alias(options.alias);
  request.set_name(options.name);
  SetVersion(options, &request);
  SetDrainTimeout(options, &request);
  v1::SetAliasResponse response;
  const grpc::Status status = stub->SetAlias(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.admin_address);
  return ShowAliases(common, response, {response.alias()});
}

int Watch(const CommonOptions& common, const ModelsOptions& options) {
  v1::WatchModelsRequest request;
  request.set_name(options.name);
  grpc::ClientContext context;
  const InterruptGuard interrupt(&context);
  const auto stub = Stub(common);
  const auto stream = stub->WatchModels(&context, request);
  if (!common.json) PrintModelHeader();
  v1::WatchModelsResponse response;
  while (stream->Read(&response)) {
    if (common.json) {
      PrintJson(response);
      continue;
    }
    PrintModelRow(response.model(), absl::Now());
    if (response.type() == v1::CHANGE_TYPE_REMOVED) std::printf("    removed\n");
    std::fflush(stdout);
  }
  const grpc::Status status = stream->Finish();
  if (interrupt.interrupted()) return kExitInterrupted;
  return status.ok() ? kExitDone : ReportFailure(status, common.admin_address);
}

// Adds the options that several of the commands have.
class ModelsCommands {
 public:
  ModelsCommands(CLI::App* models, const CommonOptions& common, int* exit_code)
      : models_(models), common_(common), exit_code_(exit_code) {}

  template <typename Run>
  CLI::App* Add(const char* name, const char* help, Run run) {
    CLI::App* command = models_->add_subcommand(name, help);
    command->callback([run, options = options_, &common = common_, exit_code = exit_code_] {
      *exit_code = run(common, *options);
    });
    return command;
  }
  template <typename Run>
  CLI::App* AddNamed(const char* name, const char* help, Run run) {
    CLI::App* command = Add(name, help, run);
    command->add_option("name", options_->name, "Name of the model")->required();
    return command;
  }
  void AddDirectory(CLI::App* command) {
    command->add_option("directory", options_->directory, "Checkpoint on the daemon's host")
        ->required();
    command->add_flag("--validate-only", options_->validate_only, "Check it and change nothing");
  }
  void AddDrainTimeout(CLI::App* command) {
    command
        ->add_option("--drain-timeout", options_->drain_timeout,
                     "Seconds that running requests may go on")
        ->check(CLI::Range(0.0, kMaxSeconds));
  }
  void AddVersion(CLI::App* command, const char* help) {
    command->add_option("--version", options_->version, help)->check(CLI::PositiveNumber);
  }
  void AddWarm(CLI::App* command, const char* flag, const char* help) {
    command->add_option(flag, options_->warm, help)->check(CLI::IsMember(WarmModes()));
  }
  ModelsOptions& options() { return *options_; }

 private:
  CLI::App* const models_;
  const std::shared_ptr<ModelsOptions> options_ = std::make_shared<ModelsOptions>();
  const CommonOptions& common_;
  int* const exit_code_;
};

}  // namespace

void AddModelsCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* models = app.add_subcommand("models", "List, load, swap, warm and unload models");
  models->require_subcommand(0, 1);
  ModelsCommands commands(models, common, exit_code);
  commands.Add("list", "Every version of every model (the default)",
               [](const CommonOptions& common, const ModelsOptions&) { return List(common); });
  CLI::App* get = commands.AddNamed("get", "One model", Get);
  commands.AddVersion(get, "Show this version rather than the current one");
  CLI::App* load = commands.AddNamed("load", "Load a checkpoint under a new name", Load);
  commands.AddDirectory(load);
  CLI::App* swap =
      commands.AddNamed("swap", "Replace a model; streams keep the version they began on", Swap);
  commands.AddDirectory(swap);
  commands.AddDrainTimeout(swap);
  commands.AddWarm(swap, "--warm",
                   "What to fetch before the switch: none, populate or forward (default: populate "
                   "when the old version is in memory)");
  swap->add_flag("--keep-previous", commands.options().keep_previous,
                 "Keep the old version mapped, for rollback");
  CLI::App* rollback = commands.AddNamed(
      "rollback", "Go back to the version that swap --keep-previous kept", Rollback);
  commands.AddDrainTimeout(rollback);
  CLI::App* unload = commands.AddNamed(
      "unload", "Take a model away once its requests are done, or cancel its load", Unload);
  commands.AddDrainTimeout(unload);
  commands.AddVersion(unload, "Take this version alone: loading, in standby or draining");
  CLI::App* warm = commands.AddNamed("warm", "Fetch a model's weights into memory", Warm);
  commands.AddVersion(warm, "This version rather than the current one");
  commands.AddWarm(warm, "--mode", "populate (the default) or forward: computes a token, too");
  CLI::App* park = commands.AddNamed("park", "Give a model's memory back; it stays ready", Park);
  commands.AddVersion(park, "This version rather than the current one");
  CLI::App* alias = commands.Add("alias", "List aliases, or point one at a model", Alias);
  CLI::Option* alias_name =
      alias->add_option("alias", commands.options().alias, "Name of the alias");
  CLI::Option* target =
      alias->add_option("name", commands.options().name, "Name of the model to point at");
  CLI::Option* deleted = alias->add_flag("--delete", commands.options().delete_alias, "Delete it");
  deleted->needs(alias_name)->excludes(target);
  commands.AddVersion(alias, "Point at this version, which then serves as long as the alias stays");
  commands.AddDrainTimeout(alias);
  CLI::App* watch = commands.Add("watch", "Print every change as it happens", Watch);
  watch->add_option("name", commands.options().name, "Watch this model alone");

  models->callback([models, &common, exit_code] {
    if (models->get_subcommands().empty()) *exit_code = List(common);
  });
}

}  // namespace firstlight
