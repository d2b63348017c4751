// exec to SERVING, page cache warm: the daemon with one model of each size and with ten
// of them, and the bare gRPC server as the yardstick of the same run. Cases take turns, so that a
// slow moment of the machine falls on all of them.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

struct Case {
  std::string name;
  std::vector<NamedCheckpoint> models;
  std::vector<int64_t> checkpoint_bytes{};  // by model
};

// demo and 1B hold data; the others would not fit a small disk, and start-up reads none of it.
absl::StatusOr<std::vector<Case>> AllCases(const BenchmarkContext& context) {
  constexpr int kMoreModels = 6;
  std::vector<Case> cases;
  Case all = {.name = "ten-models", .models = {}};
  const auto add = [&](const std::string& name, bool sparse, int number) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                                CheckpointDirectory(context, name, sparse, number));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(directory));
    const NamedCheckpoint model = {number == 0 ? name : absl::StrCat(name, "-", number), directory};
    all.models.push_back(model);
    all.checkpoint_bytes.push_back(figures.checkpoint_bytes);
    if (number == 0) {
      cases.push_back(
          {.name = name, .models = {model}, .checkpoint_bytes = {figures.checkpoint_bytes}});
    }
    return absl::OkStatus();
  };
  FIRSTLIGHT_RETURN_IF_ERROR(add("demo", false, 0));
  FIRSTLIGHT_RETURN_IF_ERROR(add("llama-3.2-1b", false, 0));
  FIRSTLIGHT_RETURN_IF_ERROR(add("llama-3-8b", true, 0));
  FIRSTLIGHT_RETURN_IF_ERROR(add("llama-3-70b", true, 0));
  for (int number = 1; number <= kMoreModels; ++number) {
    FIRSTLIGHT_RETURN_IF_ERROR(add("llama-3-8b", true, number));
  }
  cases.push_back(std::move(all));
  return cases;
}

// `await_tokenizers`: returns only when they are there, so that the next start finds their images.
absl::StatusOr<double> StartDaemon(const BenchmarkContext& context, const Case& start,
                                   bool await_tokenizers) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = start.models,
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const absl::Duration serving,
      daemon->AwaitServing(start.models.size() == 1 ? start.models[0].name : ""));
  for (size_t i = 0; i < start.models.size(); ++i) {
    // SERVING must mean that every weight is bound.
    const std::string& name = start.models[i].name;
    FIRSTLIGHT_ASSIGN_OR_RETURN(const v1::Model model, daemon->GetModel(name));
    if (model.state() != v1::MODEL_STATE_ACTIVE ||
        model.weight_bytes().assigned() != start.checkpoint_bytes[i]) {
      return absl::InternalError(
          absl::StrCat(name, " is SERVING but not bound: ", model.ShortDebugString()));
    }
    if (await_tokenizers) FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitTokenizer(name));
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
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<Case> cases, AllCases(context));
  std::map<std::string, std::vector<double>> seconds;
  // One round more than asked for: the first warms the page cache and compiles the tokenizers, and
  // is dropped.
  for (int run = 0; run <= runs; ++run) {
    for (const Case& each : cases) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const double serving,
                                  StartDaemon(context, each, /*await_tokenizers=*/run == 0));
      if (run > 0) seconds[each.name].push_back(serving);
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double serving, StartBareServer(context));
    if (run > 0) seconds["bare_grpc"].push_back(serving);
  }
  for (const Case& each : cases) {
    context.report->Add({"startup", each.name, "exec_to_serving", "seconds", seconds[each.name]});
  }
  context.report->Add({"startup", "bare_grpc", "exec_to_serving", "seconds", seconds["bare_grpc"]});
  return absl::OkStatus();
}

}  // namespace firstlight
