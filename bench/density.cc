// Many models in one process: what an idle one costs in anonymous memory, and how long the process
// takes to serve all of them. Every demo model, and two of the large ones, then answer a request:
// the memory is that of models that serve. Then a scrape of all their series is timed.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr int kDemoCopies = 200;
constexpr int kLargeModels = 20;
constexpr int kScrapes = 10;
constexpr char kLarge[] = "llama-3-8b";

struct Crowd {
  std::string name;
  std::vector<NamedCheckpoint> models{};
  size_t asked = 0;  // of them, the first ones
};

absl::StatusOr<std::unique_ptr<Daemon>> StartWith(const BenchmarkContext& context,
                                                  const std::vector<NamedCheckpoint>& models) {
  return Daemon::Start(
      {.binary_dir = context.binary_dir, .models = models, .log_path = context.log_path()});
}

// Anonymous memory of a daemon that serves `models`, all of their tokenizers built.
absl::StatusOr<int64_t> AnonymousBytes(Daemon& daemon, const std::vector<NamedCheckpoint>& models) {
  for (const NamedCheckpoint& model : models) {
    FIRSTLIGHT_RETURN_IF_ERROR(daemon.AwaitTokenizer(model.name));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse memory, daemon.process().Memory());
  return memory.anonymous;
}

absl::Status RunCrowd(const BenchmarkContext& context, const Crowd& crowd) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures,
                              ReadModelFigures(crowd.models[0].directory));
  const int runs = context.quick ? 1 : 3;
  std::vector<double> per_model;
  std::vector<double> seconds;
  std::vector<double> scrapes;
  // One round more than asked for: the first warms the page cache and is dropped.
  for (int run = 0; run <= runs; ++run) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> empty, StartWith(context, {}));
    FIRSTLIGHT_RETURN_IF_ERROR(empty->AwaitServing("").status());
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t alone, AnonymousBytes(*empty, {}));

    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<Daemon> daemon,
                                StartWith(context, crowd.models));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration serving, daemon->AwaitServing(""));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t together, AnonymousBytes(*daemon, crowd.models));
    if (run > 0) {
      seconds.push_back(absl::ToDoubleSeconds(serving));
      per_model.push_back(static_cast<double>(together - alone) /
                          static_cast<double>(crowd.models.size()));
    }
    if (run < runs) continue;
    // Once, and at the end: the large ones compute for seconds and fill the page cache with holes.
    for (size_t i = 0; i < crowd.asked; ++i) {
      FIRSTLIGHT_RETURN_IF_ERROR(
          daemon->Generate(crowd.models[i].name, Prompt(4, 0, figures.vocab_size), 1).status());
    }
    for (int i = 0; i < kScrapes; ++i) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration scrape, daemon->Scrape());
      scrapes.push_back(absl::ToDoubleSeconds(scrape));
    }
  }
  context.report->Add({"density", crowd.name, "memory_per_model", "bytes", per_model});
  context.report->Add({"density", crowd.name, "exec_to_serving", "seconds", seconds});
  context.report->Add({"density", crowd.name, "scrape", "seconds", scrapes});
  return absl::OkStatus();
}

}  // namespace

absl::Status RunDensity(const BenchmarkContext& context) {
  Crowd demos = {.name = absl::StrCat(kDemoCopies, "-demo"), .asked = kDemoCopies};
  for (int i = 0; i < kDemoCopies; ++i) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory, DemoCopyDirectory(context, i));
    demos.models.push_back({absl::StrCat("demo-", i), directory});
  }
  FIRSTLIGHT_RETURN_IF_ERROR(RunCrowd(context, demos));
  Crowd large = {.name = absl::StrCat(kLargeModels, "-", kLarge), .asked = 2};
  for (int i = 0; i < kLargeModels; ++i) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                                CheckpointDirectory(context, kLarge, /*sparse=*/true, i));
    large.models.push_back({absl::StrCat("large-", i), directory});
  }
  return RunCrowd(context, large);
}

}  // namespace firstlight
