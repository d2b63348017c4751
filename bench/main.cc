// build/firstlight_bench NAME: the program behind bench/run.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <string>

#include "bench/benchmark.h"
#include "bench/report.h"

namespace {

using firstlight::BenchmarkContext;

using Benchmarks = std::map<std::string, absl::Status (*)(const BenchmarkContext&)>;

Benchmarks AllBenchmarks() {
  return {
      {"cold", firstlight::RunCold},       {"decode", firstlight::RunDecode},
      {"density", firstlight::RunDensity}, {"memory", firstlight::RunMemory},
      {"prefill", firstlight::RunPrefill}, {"startup", firstlight::RunStartup},
      {"swap", firstlight::RunSwap},       {"tokenize", firstlight::RunTokenize},
  };
}

std::string DefaultDataDirectory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/firstlight/bench";
  }
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "/tmp" : home) + "/.cache/firstlight/bench";
}

int Run(int argc, char** argv) {
  const Benchmarks benchmarks = AllBenchmarks();
  CLI::App app{
      "Measures firstlight on this machine.\n"
      "\n"
      "  startup   exec to SERVING, for models from 2 MB to 140 GB\n"
      "  memory    what a loaded model keeps in anonymous memory\n"
      "  density   memory of an idle model among many, and their start\n"
      "  decode    tokens per second against the machine's read bandwidth\n"
      "  prefill   tokens per second against the machine's float32 peak\n"
      "  cold      the first request on a model that is not in memory against the disk\n"
      "  swap      what streams notice of 200 swaps (ten with --quick)\n"
      "  tokenize  text into ids on one thread, against the tokenizers package",
      "bench/run"};
  std::string name;
  bool json = false;
  BenchmarkContext context;
  context.binary_dir = "build";
  context.data_dir = DefaultDataDirectory();
  std::string copied_directory;
  app.add_option("name", name, "Which benchmark")->required()->check(CLI::IsMember(benchmarks));
  app.add_flag("--quick", context.quick, "The same rows from fewer runs");
  app.add_flag("--json", json, "One JSON object a row");
  app.add_option("--data-dir", context.data_dir, "Where synthesized checkpoints are kept")
      ->capture_default_str();
  app.add_option("--binary-dir", context.binary_dir, "Where the binaries are")->group("");
  app.add_option("--copied", copied_directory, "Internal to memory")->group("");
  CLI11_PARSE(app, argc, argv);

  std::error_code error;
  std::filesystem::create_directories(context.data_dir, error);
  if (error) {
    std::fprintf(stderr, "bench/run: %s: %s\n", context.data_dir.c_str(), error.message().c_str());
    return 1;
  }
  firstlight::Report report(json);
  context.report = &report;
  const absl::Status status = copied_directory.empty()
                                  ? benchmarks.at(name)(context)
                                  : firstlight::PrintCopiedMemory(copied_directory);
  if (!status.ok()) {
    std::fprintf(stderr, "bench/run: %s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}

}  // namespace

// CLI11 and the standard library throw; nothing here does.
int main(int argc, char** argv) try {
  return Run(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench/run: %s\n", error.what());
  return 1;
}
