#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/benchmark.h"
#include "bench/child_process.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr char kDemoDirectory[] = "models/demo";
// Of a copy of the demo model.
constexpr char kCopiedFiles[][32] = {"config.json", "generation_config.json", "tokenizer.model",
                                     "tokenizer_config.json", "model.safetensors"};

// Changes the last weight of `path` in its lowest bits: `number`, which differs from copy to copy.
bool MarkWeights(const std::filesystem::path& path, int number) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-2, std::ios::end);
  file.put(static_cast<char>(number));
  return file.good();
}

}  // namespace

absl::StatusOr<std::string> CheckpointDirectory(const BenchmarkContext& context,
                                                const std::string& name, bool sparse, int number) {
  if (name == "demo") return std::string(kDemoDirectory);
  std::string directory = absl::StrCat(context.data_dir, "/", name, sparse ? "-sparse" : "");
  if (number > 0) absl::StrAppend(&directory, "-", number);
  // Quick when the checkpoint is there: the command checks what it finds.
  std::vector<std::string> arguments = {absl::StrCat(context.binary_dir, "/firstlight"),
                                        "synthesize",
                                        "--shape",
                                        name,
                                        "--seed",
                                        absl::StrCat(number),
                                        directory};
  if (sparse) arguments.insert(arguments.end() - 1, "--sparse");
  FIRSTLIGHT_ASSIGN_OR_RETURN(ChildProcess synthesize,
                              ChildProcess::Start(arguments, context.log_path()));
  if (const absl::Status status = synthesize.AwaitSuccess(); !status.ok()) {
    return absl::InternalError(absl::StrCat("firstlight synthesize ", directory, " ",
                                            status.message(), "; see ", context.log_path()));
  }
  return directory;
}

absl::StatusOr<std::string> DemoCopyDirectory(const BenchmarkContext& context, int number) {
  namespace fs = std::filesystem;
  const fs::path directory = absl::StrFormat("%s/demo-copies/%03d", context.data_dir, number);
  if (fs::exists(directory)) return directory.string();
  // A copy appears when it is complete, so that an interrupted run leaves none that is not.
  const fs::path partial = directory.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  if (!error) fs::create_directories(partial, error);
  for (const char* file : kCopiedFiles) {
    if (!error) fs::copy_file(fs::path(kDemoDirectory) / file, partial / file, error);
  }
  if (!error && !MarkWeights(partial / "model.safetensors", number)) {
    error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(partial, directory, error);
  if (error) {
    return absl::InternalError(absl::StrCat(directory.string(), ": ", error.message()));
  }
  return directory.string();
}

}  // namespace firstlight
