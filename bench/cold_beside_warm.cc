// What a warm model's streams notice of a cold one that is read from a slow disk beside them: the
// 99th percentile of the gaps between their tokens, against the same load alone. The engine runs in
// this process, so that the time which the workers spend on the cold model's layers is known and
// can be taken out of each gap.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "bench/benchmark.h"
#include "bench/cold_storage.h"
#include "bench/prompt.h"
#include "engine/engine.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// A disk that takes some ten seconds for the cold model.
constexpr int64_t kSlowDiskBytesPerSecond = int64_t{250} << 20;
constexpr int kWarmStreams = 4;
constexpr int64_t kWarmTokens = 128;  // of one answer; the next begins when it ends
constexpr absl::Duration kWarmUp = absl::Seconds(1);
constexpr int64_t kColdPromptTokens = 32;

struct Span {
  absl::Time begin;
  absl::Time end;
};

// Remembers when the tokens of one request came.
class TimingObserver final : public GenerationObserver {
 public:
  void OnStarted(StartedEvent) override {}
  void OnDelta(DeltaEvent event) override {
    MutexLock lock(&mutex_);
    times_.insert(times_.end(), event.tokens.size(), absl::Now());
    changed_.SignalAll();
  }
  void OnFinished(FinishedEvent) override {}
  void OnDone(absl::Status status) override {
    MutexLock lock(&mutex_);
    done_ = std::move(status);
    changed_.SignalAll();
  }
  bool HasRoom() const override { return true; }

  absl::Status AwaitDone() {
    MutexLock lock(&mutex_);
    while (!done_.has_value()) changed_.Wait(&mutex_);
    return *done_;
  }
  std::vector<absl::Time> times() const {
    MutexLock lock(&mutex_);
    return times_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<absl::Time> times_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> done_ ABSL_GUARDED_BY(mutex_);
};

// What the workers did, from the engine's thread.
class TurnLog {
 public:
  void Add(const Model& model, absl::Time begin, absl::Time end) {
    MutexLock lock(&mutex_);
    if (&model == watched_) spans_.push_back({begin, end});
  }
  void Watch(const Model* model) {
    MutexLock lock(&mutex_);
    watched_ = model;
  }
  // Time of [begin, end] that the watched model had.
  absl::Duration Within(absl::Time begin, absl::Time end) const {
    MutexLock lock(&mutex_);
    absl::Duration within;
    for (const Span& span : spans_) {
      within +=
          std::max(std::min(span.end, end) - std::max(span.begin, begin), absl::ZeroDuration());
    }
    return within;
  }

 private:
  mutable Mutex mutex_;
  const Model* watched_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<Span> spans_ ABSL_GUARDED_BY(mutex_);
};

GenerationRequest Request(std::vector<int32_t> prompt, int64_t max_tokens) {
  GenerationRequest request;
  request.input = std::move(prompt);
  request.sampling.temperature = 0;
  request.stopping.max_tokens = max_tokens;
  request.stopping.ignore_eos = true;
  request.output.token_ids = true;
  return request;
}

double Percentile99(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * 99 / 100];
}

struct Gaps {
  std::vector<double> whole;
  std::vector<double> without_cold;
};

// Gaps of one request's tokens that lie in [begin, end].
void AddGaps(const std::vector<absl::Time>& times, absl::Time begin, absl::Time end,
             const TurnLog& log, Gaps* gaps) {
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i] < begin || times[i - 1] > end) continue;
    const absl::Duration gap = times[i] - times[i - 1];
    gaps->whole.push_back(absl::ToDoubleSeconds(gap));
    gaps->without_cold.push_back(absl::ToDoubleSeconds(gap - log.Within(times[i - 1], times[i])));
  }
}

// Streams on `warm` from now until `until` has returned; their gaps within that time.
template <typename Function>
absl::StatusOr<Gaps> Stream(Engine& engine, const std::shared_ptr<Model>& warm, const TurnLog& log,
                            Function&& until) {
  std::atomic<bool> stop = false;
  std::vector<absl::Status> statuses(kWarmStreams);
  std::vector<std::vector<std::vector<absl::Time>>> times(kWarmStreams);
  std::vector<std::thread> streams;
  streams.reserve(kWarmStreams);
  for (int stream = 0; stream < kWarmStreams; ++stream) {
    streams.emplace_back([&, stream] {
      while (!stop && statuses[stream].ok()) {
        const auto observer = std::make_shared<TimingObserver>();
        statuses[stream] =
            engine
                .Submit(warm, Request(Prompt(8, stream, warm->spec().vocab_size), kWarmTokens),
                        observer)
                .status();
        if (statuses[stream].ok()) statuses[stream] = observer->AwaitDone();
        times[stream].push_back(observer->times());
      }
    });
  }
  absl::SleepFor(kWarmUp);
  const absl::Time begin = absl::Now();
  absl::Status status = until();
  const absl::Time end = absl::Now();
  stop = true;
  for (std::thread& stream : streams) stream.join();
  for (const absl::Status& of_stream : statuses) status.Update(of_stream);
  FIRSTLIGHT_RETURN_IF_ERROR(status);
  Gaps gaps;
  for (const auto& requests : times) {
    for (const std::vector<absl::Time>& request : requests) {
      AddGaps(request, begin, end, log, &gaps);
    }
  }
  if (gaps.whole.empty()) return absl::InternalError("no token came meanwhile");
  return gaps;
}

}  // namespace

absl::Status RunColdBesideWarm(const BenchmarkContext& context, const std::string& cold_directory,
                               const std::vector<std::string>& cold_files, int64_t vocab_size) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string warm_directory,
                              CheckpointDirectory(context, "demo", /*sparse=*/false));
  TurnLog log;
  Engine::Options options;
  options.kv_cache_bytes = int64_t{4} << 30;
  options.on_turn = [&log](const Model& model, absl::Time begin, absl::Time end) {
    log.Add(model, begin, end);
  };
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Create(options));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      std::shared_ptr<Model> warm,
      engine->LoadModel(warm_directory, std::nullopt, PrefetchPolicy::kOnRequest));
  FIRSTLIGHT_RETURN_IF_ERROR(warm->BuildTokenizer());
  std::vector<double> ratios, corrected_ratios;
  const int runs = context.quick ? 1 : 5;
  for (int run = 0; run < runs; ++run) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        std::shared_ptr<Model> cold,
        engine->LoadModel(cold_directory, std::nullopt, PrefetchPolicy::kOnRequest));
    FIRSTLIGHT_RETURN_IF_ERROR(cold->BuildTokenizer());
    FIRSTLIGHT_RETURN_IF_ERROR(DropFromMemory(cold_files).status());
    absl::StatusOr<std::unique_ptr<ReadLimit>> limit =
        ReadLimit::Of(cold_files.front(), kSlowDiskBytesPerSecond);
    if (run == 0) {
      std::fprintf(stderr, "cold: beside_warm reads %s\n",
                   limit.ok() ? "250 MiB/s at most (a control group's limit)"
                              : "as fast as the disk is: a limit is not permitted here");
    }
    log.Watch(cold.get());
    absl::Duration took;
    const auto ask_cold = [&]() -> absl::Status {
      const absl::Time start = absl::Now();
      const auto observer = std::make_shared<TimingObserver>();
      FIRSTLIGHT_RETURN_IF_ERROR(
          engine->Submit(cold, Request(Prompt(kColdPromptTokens, run, vocab_size), 1), observer)
              .status());
      const absl::Status status = observer->AwaitDone();
      took = absl::Now() - start;
      return status;
    };
    FIRSTLIGHT_ASSIGN_OR_RETURN(const Gaps beside, Stream(*engine, warm, log, ask_cold));
    log.Watch(nullptr);
    FIRSTLIGHT_ASSIGN_OR_RETURN(const Gaps alone, Stream(*engine, warm, log, [&] {
                                  absl::SleepFor(std::min(took, absl::Seconds(10)));
                                  return absl::OkStatus();
                                }));
    const double p99_alone = Percentile99(alone.whole);
    ratios.push_back(Percentile99(beside.whole) / p99_alone);
    corrected_ratios.push_back(Percentile99(beside.without_cold) / p99_alone);
  }
  context.report->Add({"cold", "beside_warm", "p99_ratio", "ratio", ratios});
  context.report->Add(
      {"cold", "beside_warm", "p99_ratio_without_cold_compute", "ratio", corrected_ratios});
  return absl::OkStatus();
}

}  // namespace firstlight
