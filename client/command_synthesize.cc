#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "client/commands.h"
#include "client/session.h"
#include "client/synthesize/shapes.h"
#include "client/synthesize/synthesize.h"

namespace firstlight {
namespace {

std::string ShapeNames() {
  return absl::StrJoin(AllShapes(), ", ",
                       [](std::string* out, const auto& shape) { out->append(shape.name); });
}

// A line that is written over, for a person who waits; nothing where stderr goes to a file.
void ShowProgress(int64_t written_bytes, int64_t total_bytes) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%.1f of %.1f GB", static_cast<double>(written_bytes) / 1e9,
               static_cast<double>(total_bytes) / 1e9);
  if (written_bytes == total_bytes) std::fputc('\n', stderr);
}

int Synthesize(const SynthesizeOptions& options) {
  const absl::StatusOr<SynthesizeResult> result = SynthesizeCheckpoint(options);
  if (!result.ok()) return ReportFailure(result.status());
  std::printf("%s: %d weight files, %.3f GB%s%s\n", result->directory.c_str(), result->weight_files,
              static_cast<double>(result->weight_bytes) / 1e9, options.sparse ? ", holes" : "",
              result->reused ? ", was there already" : "");
  return kExitDone;
}

}  // namespace

void AddSynthesizeCommand(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "synthesize", "Write a checkpoint of a published shape with random weights; no daemon");
  auto options = std::make_shared<SynthesizeOptions>();
  options->progress = ShowProgress;
  command->add_option("--shape", options->shape, "One of " + ShapeNames())->required();
  command->add_option("directory", options->directory, "What to write")->required();
  command->add_flag("--sparse", options->sparse,
                    "Weight files are holes: for start-up at sizes that no disk here holds");
  command->add_option("--seed", options->seed, "Of the weights")->capture_default_str();
  command->callback([options, exit_code] { *exit_code = Synthesize(*options); });
}

}  // namespace firstlight
