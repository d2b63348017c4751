// Tokens per second of reading a prompt, against the float32 peak of this machine. Arithmetic is
// two operations for each layer weight and token, plus the output head once; embedding and
// attention count nothing. The limit is measured before and after each run.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/limits.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "engine/workers/cpu_topology.h"
#include "engine/workers/worker_pool.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr char kModel[] = "llama-3.2-1b";
constexpr int64_t kPromptTokens = 512;

}  // namespace

absl::Status RunPrefill(const BenchmarkContext& context) {
  const int runs = context.quick ? 3 : 7;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                              CheckpointDirectory(context, kModel, /*sparse=*/false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(directory));
  WorkerPool workers(DefaultThreads(ReadCpuTopology()));

  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{kModel, directory}},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(kModel).status());
  FIRSTLIGHT_RETURN_IF_ERROR(
      daemon->Generate(kModel, Prompt(kPromptTokens, 0, figures.vocab_size), 1).status());

  const double operations = 2.0 * (static_cast<double>(figures.layer_weights) * kPromptTokens +
                                   static_cast<double>(figures.head_weights));
  std::vector<double> rates, peaks, ratios;
  double limit_before = MeasurePeak(workers);
  for (int run = 0; run < runs; ++run) {
    // A prompt of its own each time: nothing may come from a cache.
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        const StreamFigures stream,
        daemon->Generate(kModel, Prompt(kPromptTokens, run + 1, figures.vocab_size), 1));
    const double limit_after = MeasurePeak(workers);
    const double seconds = absl::ToDoubleSeconds(stream.prefill);
    rates.push_back(static_cast<double>(kPromptTokens) / seconds);
    peaks.push_back(std::max(limit_before, limit_after));
    ratios.push_back(operations / seconds / peaks.back());
    limit_before = limit_after;
  }
  const std::string name = absl::StrCat(kModel, "/", kPromptTokens);
  context.report->Add({"prefill", name, "tokens_per_second", "tokens_per_second", rates});
  context.report->Add({"prefill", name, "peak", "flops", peaks});
  context.report->Add({"prefill", name, "peak_ratio", "ratio", ratios});
  return absl::OkStatus();
}

}  // namespace firstlight
