#ifndef FIRSTLIGHT_BENCH_BENCHMARK_H_
#define FIRSTLIGHT_BENCH_BENCHMARK_H_

// What every benchmark gets, and the list of them (bench/main.cc).

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/report.h"

namespace firstlight {

struct BenchmarkContext {
  std::string binary_dir;  // firstlightd and firstlight
  std::string data_dir;    // synthesized checkpoints, kept between runs
  bool quick = false;      // fewer runs of the same rows
  Report* report = nullptr;

  std::string log_path() const { return data_dir + "/bench.log"; }
};

// The directory of a checkpoint to measure: "demo", or a shape that `firstlight synthesize` knows,
// made under data_dir when it is not there yet. Sparse ones are holes: for start-up only. Those of
// another `number` are other files.
absl::StatusOr<std::string> CheckpointDirectory(const BenchmarkContext& context,
                                                const std::string& name, bool sparse,
                                                int number = 0);

// Copy `number`, from 0 to 255, of the demo model, with weights of its own.
absl::StatusOr<std::string> DemoCopyDirectory(const BenchmarkContext& context, int number);

absl::Status RunStartup(const BenchmarkContext& context);
absl::Status RunMemory(const BenchmarkContext& context);
// The child process of RunMemory: copies the weights of `directory` and prints what that took.
absl::Status PrintCopiedMemory(const std::string& directory);

absl::Status RunDensity(const BenchmarkContext& context);
absl::Status RunDecode(const BenchmarkContext& context);
absl::Status RunPrefill(const BenchmarkContext& context);
absl::Status RunSwap(const BenchmarkContext& context);
absl::Status RunTokenize(const BenchmarkContext& context);

absl::Status RunCold(const BenchmarkContext& context);
// A part of RunCold.
absl::Status RunColdBesideWarm(const BenchmarkContext& context, const std::string& cold_directory,
                               const std::vector<std::string>& cold_files, int64_t vocab_size);

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_BENCHMARK_H_
