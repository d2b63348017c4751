// Tokens per second of decoding, through gRPC, against the read bandwidth of this machine: a step
// reads every weight once, for one stream or for many. The limit is measured before and after each
// run.

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
#include "bench/report.h"
#include "engine/workers/cpu_topology.h"
#include "engine/workers/worker_pool.h"
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

// What a step of that many streams reads: every weight once, and each stream's cache as it is on
// average over a run.
double BytesPerStep(const ModelFigures& figures, int streams, int64_t tokens) {
  const double positions = static_cast<double>(kPromptTokens) + static_cast<double>(tokens) / 2;
  return static_cast<double>(figures.step_weight_bytes) +
         streams * positions * static_cast<double>(figures.position_bytes);
}

struct Series {
  int streams = 1;
  std::vector<double> rates{}, bandwidths{}, ratios{};

  void Add(double tokens_per_second, double bytes_per_step, double limit) {
    rates.push_back(tokens_per_second);
    bandwidths.push_back(tokens_per_second / streams * bytes_per_step);
    ratios.push_back(bandwidths.back() / limit);
  }
  void AddTo(Report& report, const std::string& name) const {
    report.Add({"decode", name, "tokens_per_second", "tokens_per_second", rates});
    report.Add({"decode", name, "read_bandwidth", "bytes_per_second", bandwidths});
    report.Add({"decode", name, "read_bandwidth_ratio", "ratio", ratios});
  }
};

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
  Series one = {.streams = 1};
  Series many = {.streams = kManyStreams};
  double limit_before = limit();
  for (int run = 0; run < runs; ++run) {
    for (Series* const series : {&one, &many}) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const double rate,
                                  Decode(*daemon, figures, series->streams, tokens));
      const double limit_after = limit();
      series->Add(rate, BytesPerStep(figures, series->streams, tokens),
                  std::max(limit_before, limit_after));
      limit_before = limit_after;
    }
  }
  one.AddTo(*context.report, kModel);
  many.AddTo(*context.report, absl::StrCat(kModel, "/", kManyStreams));
  return absl::OkStatus();
}

}  // namespace firstlight
