// Tokens per second of decoding, through gRPC, against the read bandwidth of this machine: with one
// stream, each token reads every weight once. The limit is measured before and after each run.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/limits.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "engine/cpu_topology.h"
#include "engine/worker_pool.h"
#include "loader/base/status_macros.h"
#include "loader/checkpoint.h"

namespace firstlight {
namespace {

constexpr char kModel[] = "llama-3.2-1b";
constexpr int64_t kPromptTokens = 32;
constexpr int kManyStreams = 16;

// Runs `streams` generations at once. Tokens per second of all of them together, over the time in
// which every one was decoding.
absl::StatusOr<double> Decode(Daemon& daemon, const ModelFigures& figures, int streams,
                              int64_t tokens) {
  std::vector<absl::StatusOr<StreamFigures>> results(streams);
  std::vector<std::thread> threads;
  threads.reserve(streams);
  for (int stream = 0; stream < streams; ++stream) {
    threads.emplace_back([&, stream] {
      results[stream] =
          daemon.Generate(kModel, Prompt(kPromptTokens, stream, figures.vocab_size), tokens);
    });
  }
  for (std::thread& thread : threads) thread.join();

  absl::Time begin = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
  for (const absl::StatusOr<StreamFigures>& result : results) {
    FIRSTLIGHT_RETURN_IF_ERROR(result.status());
    begin = std::max(begin, result->token_times.front());
    end = std::min(end, result->token_times.back());
  }
  if (end <= begin) return absl::InternalError("the streams did not run side by side");
  int64_t decoded = 0;
  for (const absl::StatusOr<StreamFigures>& result : results) {
    decoded += std::count_if(result->token_times.begin(), result->token_times.end(),
                             [&](absl::Time time) { return begin < time && time <= end; });
  }
  return static_cast<double>(decoded) / absl::ToDoubleSeconds(end - begin);
}

}  // namespace

absl::Status RunDecode(const BenchmarkContext& context) {
  const int runs = context.quick ? 3 : 7;
  const int64_t tokens = context.quick ? 48 : 96;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                              CheckpointDirectory(context, kModel, /*sparse=*/false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(directory));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const Checkpoint> checkpoint,
                              Checkpoint::Open(directory));
  WorkerPool workers(DefaultThreads(ReadCpuTopology()));

  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{kModel, directory}},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(kModel).status());
  // The first pass maps the pages; no figure comes from it.
  FIRSTLIGHT_RETURN_IF_ERROR(Decode(*daemon, figures, 1, 4).status());

  const auto limit = [&] {
    return MeasureReadBandwidth(checkpoint->files().front()->bytes(), workers);
  };
  // Positions that a token finds in the cache, on average over a run.
  const double positions = static_cast<double>(kPromptTokens) + static_cast<double>(tokens) / 2;
  const double token_bytes = static_cast<double>(figures.step_weight_bytes) +
                             positions * static_cast<double>(figures.position_bytes);
  std::vector<double> rates, bandwidths, ratios, many_rates;
  double limit_before = limit();
  for (int run = 0; run < runs; ++run) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double one, Decode(*daemon, figures, 1, tokens));
    const double limit_after = limit();
    rates.push_back(one);
    bandwidths.push_back(one * token_bytes);
    ratios.push_back(bandwidths.back() / std::max(limit_before, limit_after));
    limit_before = limit_after;
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double many, Decode(*daemon, figures, kManyStreams, tokens));
    many_rates.push_back(many);
  }
  const std::string many_case = absl::StrCat(kModel, "/", kManyStreams);
  context.report->Add({"decode", kModel, "tokens_per_second", "tokens_per_second", rates});
  context.report->Add({"decode", kModel, "read_bandwidth", "bytes_per_second", bandwidths});
  context.report->Add({"decode", kModel, "read_bandwidth_ratio", "ratio", ratios});
  context.report->Add({"decode", many_case, "tokens_per_second", "tokens_per_second", many_rates});
  return absl::OkStatus();
}

}  // namespace firstlight
