// Anonymous memory of a server after loading and after its first token: by assignment, as the
// daemon does it, and by copy of every weight, as loaders do that read a checkpoint into memory.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmark.h"
#include "bench/daemon.h"
#include "bench/model_figures.h"
#include "bench/prompt.h"
#include "engine/kv_cache/state_block.h"
#include "engine/model.h"
#include "engine/workers/cpu_topology.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr char kModel[] = "llama-3.2-1b";
constexpr int64_t kPromptTokens = 32;
constexpr int64_t kCacheBytes = int64_t{64} << 20;

struct MemoryFigures {
  double anonymous_after_load = 0;
  double anonymous_after_first_token = 0;
  double mapped_after_first_token = 0;
};

absl::StatusOr<MemoryFigures> MeasureAssigned(const BenchmarkContext& context,
                                              const std::string& directory, int64_t vocab_size) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon,
                              Daemon::Start({.binary_dir = context.binary_dir,
                                             .models = {{kModel, directory}},
                                             .log_path = context.log_path()}));
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitServing(kModel).status());
  FIRSTLIGHT_RETURN_IF_ERROR(daemon->AwaitTokenizer(kModel));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse loaded, daemon->process().Memory());
  FIRSTLIGHT_RETURN_IF_ERROR(
      daemon->Generate(kModel, Prompt(kPromptTokens, 0, vocab_size), 1).status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse used, daemon->process().Memory());
  return MemoryFigures{.anonymous_after_load = static_cast<double>(loaded.anonymous),
                       .anonymous_after_first_token = static_cast<double>(used.anonymous),
                       .mapped_after_first_token = static_cast<double>(used.mapped_file)};
}

// In a process of its own, whose whole output is the three figures.
absl::StatusOr<MemoryFigures> MeasureCopied(const BenchmarkContext& context,
                                            const std::string& directory) {
  const std::string output = absl::StrCat(context.data_dir, "/copied-memory");
  std::filesystem::remove(output);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start(
          {absl::StrCat(context.binary_dir, "/firstlight_bench"), "memory", "--copied", directory},
          output));
  FIRSTLIGHT_RETURN_IF_ERROR(process.AwaitSuccess());
  MemoryFigures figures;
  std::ifstream file(output);
  if (!(file >> figures.anonymous_after_load >> figures.anonymous_after_first_token >>
        figures.mapped_after_first_token)) {
    return absl::InternalError(absl::StrCat(output, ": expected three figures"));
  }
  return figures;
}

}  // namespace

absl::Status PrintCopiedMemory(const std::string& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Kernels* const kernels, SelectKernels(Isa::kAuto));
  WorkerPool workers(DefaultThreads(ReadCpuTopology()));
  BlockPool pool(kCacheBytes);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                              Model::Load({.directory = directory,
                                           .context_length = std::nullopt,
                                           .kernels = kernels,
                                           .workers = &workers,
                                           .block_pool = &pool,
                                           .copy_weights = true}));
  FIRSTLIGHT_RETURN_IF_ERROR(model->BuildTokenizer());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse loaded, MemoryOf("self"));

  PagedCache cache(&model->cache());
  if (!cache.Reserve({.first = 0, .end = kPromptTokens, .chunk = kPromptTokens}))
    return absl::InternalError("the cache has no room");
  StateBlock state(model->cache().state_arena());
  if (!state.Reserve()) return absl::InternalError("the cache has no room for states");
  const RopeFrequencies rope = ComputeRopeFrequencies(model->spec(), kPromptTokens);
  const std::vector<int32_t> prompt = Prompt(kPromptTokens, 0, model->spec().vocab_size);
  FIRSTLIGHT_RETURN_IF_ERROR(model->decoder()
                                 ->Forward({BatchSegment{.tokens = prompt,
                                                         .first_position = 0,
                                                         .cache = &cache,
                                                         .state = state.data(),
                                                         .rope = &rope,
                                                         .prompt_tokens = kPromptTokens,
                                                         .logits_rows = 1}})
                                 .status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryUse used, MemoryOf("self"));
  std::printf("%ld %ld %ld\n", static_cast<long>(loaded.anonymous),
              static_cast<long>(used.anonymous), static_cast<long>(used.mapped_file));
  return absl::OkStatus();
}

absl::Status RunMemory(const BenchmarkContext& context) {
  const int runs = context.quick ? 1 : 3;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string directory,
                              CheckpointDirectory(context, kModel, /*sparse=*/false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelFigures figures, ReadModelFigures(directory));
  for (const char* way : {"assign", "copy"}) {
    std::vector<double> after_load, after_token, mapped;
    for (int run = 0; run < runs; ++run) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const MemoryFigures memory,
                                  way == std::string("assign")
                                      ? MeasureAssigned(context, directory, figures.vocab_size)
                                      : MeasureCopied(context, directory));
      after_load.push_back(memory.anonymous_after_load);
      after_token.push_back(memory.anonymous_after_first_token);
      mapped.push_back(memory.mapped_after_first_token);
    }
    const std::string name = absl::StrCat(kModel, "/", way);
    context.report->Add({"memory", name, "anonymous_after_load", "bytes", after_load});
    context.report->Add({"memory", name, "anonymous_after_first_token", "bytes", after_token});
    context.report->Add({"memory", name, "mapped_after_first_token", "bytes", mapped});
    context.report->Add(
        {"memory", name, "checkpoint", "bytes", {static_cast<double>(figures.checkpoint_bytes)}});
  }
  return absl::OkStatus();
}

}  // namespace firstlight
