// What the first request on a model costs that is on disk and not in memory, through gRPC, against
// the raw read of the same bytes and against the same request warm, all in the same run.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/benchmark.h"
#include "bench/cold_storage.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "loader/base/status_macros.h"
#include "loader/checkpoint.h"

namespace firstlight {
namespace {

constexpr char kModel[] = "llama-3.2-1b";
constexpr int64_t kCommonReadAheadKib = 128;  // Linux's default

struct Case {
  int64_t tokens = 0;
  std::string policy;
  std::vector<double> cold, warm, raw_read;  // seconds
  std::vector<double> ratio;                 // each of one cold request and what is beside it
};

absl::StatusOr<absl::Duration> TimeToFirstToken(Daemon& daemon, const std::vector<int32_t>& prompt,
                                                v1::ResidencyClass expected) {
  const absl::Time start = absl::Now();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const StreamFigures figures, daemon.Generate(kModel, prompt, 1));
  // A figure that is not of what it is said to be of is none.
  if (figures.residency != expected) {
    return absl::InternalError(absl::StrCat("expected the request to be ",
                                            v1::ResidencyClass_Name(expected), ", found ",
                                            v1::ResidencyClass_Name(figures.residency)));
  }
  return figures.token_times.front() - start;
}

// One cold request and one warm one, on a server of their own, between two raw reads: the disks of
// shared machines change their speed by half from one minute to the next, and only what lies side
// by side can be compared.
absl::Status Measure(const BenchmarkContext& context, const std::string& directory,
                     const std::vector<std::string>& files, int64_t vocab_size, RawRead how,
                     Case& test_case) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{kModel, directory}},
                                             .flags = {"--prefetch", test_case.policy},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(kModel).status());
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitTokenizer(kModel));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration before, TimeRawRead(files, how));
  FIRSTLIGHT_RETURN_IF_ERROR(DropFromMemory(files).status());
  const std::vector<int32_t> prompt = Prompt(test_case.tokens, 0, vocab_size);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration cold,
                              TimeToFirstToken(*daemon, prompt, v1::RESIDENCY_CLASS_COLD));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration warm,
                              TimeToFirstToken(*daemon, prompt, v1::RESIDENCY_CLASS_WARM));
  daemon.reset();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration after, TimeRawRead(files, how));
  const absl::Duration raw_read = (before + after) / 2;
  test_case.raw_read.push_back(absl::ToDoubleSeconds(raw_read));
  test_case.cold.push_back(absl::ToDoubleSeconds(cold));
  test_case.warm.push_back(absl::ToDoubleSeconds(warm));
  test_case.ratio.push_back(absl::FDivDuration(cold, std::max(raw_read, warm)));
  return absl::OkStatus();
}

absl::Status MeasureAtReadAhead(const BenchmarkContext& context, const std::string& directory,
                                const std::vector<std::string>& files, int64_t vocab_size,
                                int64_t read_ahead_kib) {
  const int runs = context.quick ? 1 : 5;
  std::vector<Case> cases;
  for (const int64_t tokens : {32, 512}) {
    for (const char* const policy : {"none", "on_request"}) {
      Case& test_case = cases.emplace_back();
      test_case.tokens = tokens;
      test_case.policy = policy;
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const RawRead how, FastestRawRead(files));
  for (int run = 0; run < runs; ++run) {
    for (Case& test_case : cases) {
      FIRSTLIGHT_RETURN_IF_ERROR(Measure(context, directory, files, vocab_size, how, test_case));
    }
  }
  for (const Case& test_case : cases) {
    const std::string name =
        absl::StrCat(kModel, "/", test_case.tokens, "/", test_case.policy, "/", read_ahead_kib);
    context.report->Add({"cold", name, "cold", "seconds", test_case.cold});
    context.report->Add({"cold", name, "warm", "seconds", test_case.warm});
    context.report->Add({"cold", name, "raw_read", "seconds", test_case.raw_read});
    context.report->Add({"cold", name, "cold_ratio", "ratio", test_case.ratio});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCold(const BenchmarkContext& context) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                              CheckpointDirectory(context, kModel, /*sparse=*/false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(directory));
  std::vector<std::string> files;
  {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const Checkpoint> checkpoint,
                                Checkpoint::Open(directory));
    for (const auto& file : checkpoint->files()) files.push_back(file->path());
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string how, DropFromMemory(files));
  std::fprintf(stderr, "cold: pages are dropped by %s\n", how.c_str());

  absl::StatusOr<std::unique_ptr<ReadAhead>> read_ahead = ReadAhead::Of(files.front());
  const int64_t own_kib = read_ahead.ok() ? (*read_ahead)->original_kib() : 0;
  FIRSTLIGHT_RETURN_IF_ERROR(
      MeasureAtReadAhead(context, directory, files, figures.vocab_size, own_kib));
  if (own_kib != kCommonReadAheadKib) {
    const absl::Status set =
        read_ahead.ok() ? (*read_ahead)->Set(kCommonReadAheadKib) : read_ahead.status();
    if (set.ok()) {
      FIRSTLIGHT_RETURN_IF_ERROR(
          MeasureAtReadAhead(context, directory, files, figures.vocab_size, kCommonReadAheadKib));
      FIRSTLIGHT_RETURN_IF_ERROR((*read_ahead)->Set(own_kib));
    } else {
      std::fprintf(stderr, "cold: read-ahead stays at %lld KiB: %s\n",
                   static_cast<long long>(own_kib), set.ToString().c_str());
    }
  }
  return RunColdBesideWarm(context, directory, files, figures.vocab_size);
}

}  // namespace firstlight
