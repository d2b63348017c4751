// What streams notice while their model is swapped under them: eight clients, one stream after
// another each, greedy and over fixed prompts, so that every token can be compared with what its
// version gives. Swaps go back and forth between two checkpoints; one starts when the version
// before last has drained, so that at most two live.
//
// Two live versions read two sets of weights, which costs whoever swaps or not: `side_by_side` is
// the same streams over both checkpoints without a swap, `alone` the same over one.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr char kShape[] = "llama-3.2-1b";
constexpr char kWeights[] = ".safetensors";
constexpr char kLongestGap[] = "firstlight_longest_step_gap_seconds";
constexpr int kOtherNumber = 2;
constexpr int kStreams = 8;
constexpr int64_t kPromptTokens = 16;
constexpr int64_t kStreamTokens = 16;
constexpr absl::Duration kPollInterval = absl::Milliseconds(10);
constexpr absl::Duration kDrainTimeout = absl::Minutes(5);
// What the anonymous memory of a daemon may grow by over its swaps: arenas of the allocator.
constexpr int64_t kMemorySlack = int64_t{64} << 20;

// Of each prompt, the tokens that a checkpoint gives.
using Expected = std::vector<std::vector<int32_t>>;

// A model that serves, and what its streams are to be compared with, by the version's parity: the
// odd ones are of the first checkpoint.
struct Served {
  std::string name;
  const Expected* odd = nullptr;
  const Expected* even = nullptr;
};

struct StreamsFigures {
  int64_t streams = 0;
  int64_t failed = 0;
  int64_t mixed = 0;
  std::vector<double> gaps;  // between two tokens of a stream, seconds

  double P99() {
    std::sort(gaps.begin(), gaps.end());
    return gaps.empty() ? 0 : gaps[(gaps.size() - 1) * 99 / 100];
  }
};

std::vector<int32_t> PromptOf(int stream, int64_t vocab_size) {
  return Prompt(kPromptTokens, stream, vocab_size);
}

// Clients that start streams, one after another, until they are told to stop.
class Clients {
 public:
  // Client i talks to models[i % models.size()].
  Clients(Daemon* daemon, const std::vector<Served>& models, int64_t vocab_size)
      : figures_(kStreams) {
    for (int client = 0; client < kStreams; ++client) {
      threads_.emplace_back([=, this] {
        Run(daemon, models[static_cast<size_t>(client) % models.size()], client,
            PromptOf(client, vocab_size));
      });
    }
  }
  ~Clients() { Stop(); }

  // Lets the streams under way end.
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  // Waits until each client has ended `streams` of them.
  void Await(int64_t streams) const {
    while (ended_ < streams * kStreams) absl::SleepFor(kPollInterval);
  }

  // REQUIRES: stopped.
  StreamsFigures Figures() const {
    StreamsFigures all;
    for (const StreamsFigures& one : figures_) {
      all.streams += one.streams;
      all.failed += one.failed;
      all.mixed += one.mixed;
      all.gaps.insert(all.gaps.end(), one.gaps.begin(), one.gaps.end());
    }
    return all;
  }

 private:
  void Run(Daemon* daemon, const Served& model, int client, const std::vector<int32_t>& prompt) {
    StreamsFigures& mine = figures_[static_cast<size_t>(client)];
    do {
      const absl::StatusOr<StreamFigures> stream =
          daemon->Generate(model.name, prompt, kStreamTokens);
      ++mine.streams;
      ++ended_;
      if (!stream.ok()) {
        ++mine.failed;
        continue;
      }
      const Expected& expected = stream->version % 2 == 1 ? *model.odd : *model.even;
      if (stream->token_ids != expected[static_cast<size_t>(client)]) ++mine.mixed;
      for (size_t i = 1; i < stream->token_times.size(); ++i) {
        mine.gaps.push_back(
            absl::ToDoubleSeconds(stream->token_times[i] - stream->token_times[i - 1]));
      }
    } while (!stop_);
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> ended_ = 0;
  std::vector<StreamsFigures> figures_;  // [clients]
  std::vector<std::thread> threads_;
};

// What `model` gives for each prompt.
absl::StatusOr<Expected> ExpectedOf(Daemon& daemon, const std::string& model, int64_t vocab_size) {
  std::vector<absl::StatusOr<StreamFigures>> streams(kStreams);
  std::vector<std::thread> threads;
  threads.reserve(kStreams);
  for (int stream = 0; stream < kStreams; ++stream) {
    threads.emplace_back([&, stream] {
      streams[static_cast<size_t>(stream)] =
          daemon.Generate(model, PromptOf(stream, vocab_size), kStreamTokens);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Expected expected;
  expected.reserve(kStreams);
  for (absl::StatusOr<StreamFigures>& stream : streams) {
    FIRSTLIGHT_RETURN_IF_ERROR(stream.status());
    expected.push_back(std::move(stream->token_ids));
  }
  return expected;
}

// Waits until no version older than `version` is left.
absl::Status AwaitDrained(Daemon& daemon, int64_t version) {
  const absl::Time limit = absl::Now() + kDrainTimeout;
  while (true) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<v1::Model> models, daemon.ListModels());
    const bool drained = std::none_of(models.begin(), models.end(), [version](const auto& model) {
      return model.version() < version;
    });
    if (drained) return absl::OkStatus();
    if (absl::Now() > limit) {
      return absl::DeadlineExceededError(
          absl::StrCat("a version before ", version, " has not drained"));
    }
    absl::SleepFor(kPollInterval);
  }
}

absl::Status Report(const BenchmarkContext& context, const std::string& name,
                    StreamsFigures figures, double longest_pause) {
  const auto add = [&](const char* metric, const char* unit, double value) {
    context.report->Add({"swap", name, metric, unit, {value}});
  };
  add("failed_streams", "count", static_cast<double>(figures.failed));
  add("mixed_streams", "count", static_cast<double>(figures.mixed));
  add("p99_inter_token_latency", "seconds", figures.P99());
  add("longest_switch_pause", "seconds", longest_pause);
  return absl::OkStatus();
}

// Streams over both checkpoints, or over one of them, and no swap.
absl::Status RunStill(const BenchmarkContext& context, const std::string& name,
                      const std::vector<NamedCheckpoint>& checkpoints, int64_t vocab_size,
                      std::vector<Expected>* expected) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = checkpoints,
                                             .log_path = context.log_path()}));
  for (const NamedCheckpoint& model : checkpoints) {
    FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(model.name).status());
  }
  std::vector<Served> models;
  if (expected->empty()) {
    for (const NamedCheckpoint& model : checkpoints) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(expected->emplace_back(),
                                  ExpectedOf(*daemon, model.name, vocab_size));
    }
  }
  models.reserve(checkpoints.size());
  for (size_t i = 0; i < checkpoints.size(); ++i) {
    models.push_back({checkpoints[i].name, &(*expected)[i], &(*expected)[i]});
  }
  Clients clients(daemon.get(), models, vocab_size);
  clients.Await(context.quick ? 2 : 20);
  clients.Stop();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double pause, daemon->Metric(kLongestGap));
  return Report(context, name, clients.Figures(), pause);
}

absl::Status RunSwapping(const BenchmarkContext& context, const std::string& first,
                         const std::string& second, int64_t vocab_size,
                         const std::vector<Expected>& expected) {
  const int swaps = context.quick ? 10 : 200;
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{kShape, first}},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(kShape).status());
  Clients clients(daemon.get(), {{kShape, &expected[0], &expected[1]}}, vocab_size);
  clients.Await(1);
  // After a swap either way: what is kept of one is there from now on.
  constexpr int64_t kSettled = 3;
  MemoryUse before;
  int mappings_before = 0;
  double longest_pause = 0;
  int64_t version = 1;
  for (int swap = 0; swap < swaps; ++swap) {
    FIRSTLIGHT_RETURN_IF_ERROR(AwaitDrained(*daemon, version));
    if (version == kSettled) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(before, daemon->process().Memory());
      FIRSTLIGHT_ASSIGN_OR_RETURN(mappings_before, daemon->process().CountMappings(kWeights));
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(version, daemon->Swap(kShape, swap % 2 == 0 ? second : first));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double pause, daemon->Metric(kLongestGap));
    longest_pause = std::max(longest_pause, pause);
  }
  FIRSTLIGHT_RETURN_IF_ERROR(AwaitDrained(*daemon, version));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse after, daemon->process().Memory());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int mappings, daemon->process().CountMappings(kWeights));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double pause, daemon->Metric(kLongestGap));
  clients.Stop();
  FIRSTLIGHT_RETURN_IF_ERROR(
      Report(context, "swapping", clients.Figures(), std::max(longest_pause, pause)));
  if (mappings != mappings_before) {
    return absl::InternalError(absl::StrCat(
        "expected ", mappings_before, " mappings of weights after the swaps, found ", mappings));
  }
  if (after.anonymous > before.anonymous + kMemorySlack) {
    return absl::InternalError(absl::StrCat("anonymous memory has grown from ", before.anonymous,
                                            " to ", after.anonymous, " bytes over ", swaps,
                                            " swaps"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunSwap(const BenchmarkContext& context) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string first,
                              CheckpointDirectory(context, kShape, /*sparse=*/false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string second,
                              CheckpointDirectory(context, kShape, /*sparse=*/false, kOtherNumber));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(first));
  std::vector<Expected> expected;  // of the first, of the second
  FIRSTLIGHT_RETURN_IF_ERROR(RunStill(context, "side_by_side",
                                      {{"first", first}, {"second", second}}, figures.vocab_size,
                                      &expected));
  if (expected[0] == expected[1]) {
    return absl::InternalError("both checkpoints give the same tokens: no mix could be seen");
  }
  FIRSTLIGHT_RETURN_IF_ERROR(
      RunStill(context, "alone", {{"first", first}}, figures.vocab_size, &expected));
  return RunSwapping(context, first, second, figures.vocab_size, expected);
}

}  // namespace firstlight
