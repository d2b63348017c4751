// exec to SERVING, page cache warm: the daemon with one model of each size, and the bare gRPC
// server as the yardstick of the same run. Cases take turns, so that a slow moment of the machine
// falls on all of them.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

struct Case {
  const char* name;
  bool sparse;
};

// demo and 1B hold data; the others would not fit a small disk, and start-up reads none of it.
constexpr Case kCases[] = {
    {"demo", false}, {"llama-3.2-1b", false}, {"llama-3-8b", true}, {"llama-3-70b", true}};

absl::StatusOr<double> StartDaemon(const BenchmarkContext& context, const std::string& name,
                                   const std::string& directory, int64_t checkpoint_bytes) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{name, directory}},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration serving, daemon->AwaitServing(name));
  // SERVING must mean that every weight is bound.
  FIRSTLIGHT_ASSIGN_OR_RETURN(const v1::Model model, daemon->GetModel(name));
  if (model.state() != v1::MODEL_STATE_ACTIVE ||
      model.weight_bytes().assigned() != checkpoint_bytes) {
    return absl::InternalError(
        absl::StrCat(name, " is SERVING but not bound: ", model.ShortDebugString()));
  }
  return absl::ToDoubleSeconds(serving);
}

absl::StatusOr<double> StartBareServer(const BenchmarkContext& context) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int port, FreePort());
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start({absl::StrCat(context.binary_dir, "/firstlight_bare_grpc"),
                           absl::StrCat("127.0.0.1:", port)},
                          context.log_path()));
  std::shared_ptr<grpc::Channel> channel;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration serving,
                              AwaitServing(process, port, "", &channel));
  return absl::ToDoubleSeconds(serving);
}

}  // namespace

absl::Status RunStartup(const BenchmarkContext& context) {
  const int runs = context.quick ? 3 : 10;
  std::map<std::string, std::string> directories;
  std::map<std::string, int64_t> checkpoint_bytes;
  for (const Case& each : kCases) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(directories[each.name],
                                CheckpointDirectory(context, each.name, each.sparse));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures,
                                ReadModelFigures(directories[each.name]));
    checkpoint_bytes[each.name] = figures.checkpoint_bytes;
  }
  std::map<std::string, std::vector<double>> seconds;
  // One round more than asked for: the first warms the page cache and is dropped.
  for (int run = 0; run <= runs; ++run) {
    for (const Case& each : kCases) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(
          const double serving,
          StartDaemon(context, each.name, directories[each.name], checkpoint_bytes[each.name]));
      if (run > 0) seconds[each.name].push_back(serving);
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double serving, StartBareServer(context));
    if (run > 0) seconds["bare_grpc"].push_back(serving);
  }
  for (const Case& each : kCases) {
    context.report->Add({"startup", each.name, "exec_to_serving", "seconds", seconds[each.name]});
  }
  context.report->Add({"startup", "bare_grpc", "exec_to_serving", "seconds", seconds["bare_grpc"]});
  return absl::OkStatus();
}

}  // namespace firstlight
