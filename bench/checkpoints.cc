#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/child_process.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr char kDemoDirectory[] = "models/demo";

}  // namespace

absl::StatusOr<std::string> CheckpointDirectory(const BenchmarkContext& context,
                                                const std::string& name, bool sparse) {
  if (name == "demo") return std::string(kDemoDirectory);
  std::string directory = absl::StrCat(context.data_dir, "/", name, sparse ? "-sparse" : "");
  // Quick when the checkpoint is there: the command checks what it finds.
  std::vector<std::string> arguments = {absl::StrCat(context.binary_dir, "/firstlight"),
                                        "synthesize", "--shape", name, directory};
  if (sparse) arguments.insert(arguments.end() - 1, "--sparse");
  FIRSTLIGHT_ASSIGN_OR_RETURN(ChildProcess synthesize,
                              ChildProcess::Start(arguments, context.log_path()));
  if (const absl::Status status = synthesize.AwaitSuccess(); !status.ok()) {
    return absl::InternalError(absl::StrCat("firstlight synthesize ", directory, " ",
                                            status.message(), "; see ", context.log_path()));
  }
  return directory;
}

}  // namespace firstlight
