#include "client/synthesize/synthesize.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/synthesize/partial_directory.h"
#include "client/synthesize/random_weights.h"
#include "client/synthesize/shapes.h"
#include "client/synthesize/synthetic_tokenizer.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/checkpoint.h"
#include "loader/file.h"
#include "loader/json_writer.h"
#include "loader/safetensors_writer.h"

namespace firstlight {
namespace {

// Says what a directory was synthesized from. Grows when the same options give other bytes.
constexpr std::string_view kMarkerFile = "synthesized.json";
constexpr int kGeneration = 1;
constexpr int64_t kMaxMarkerBytes = 4096;

// What the tokenizer and the other small files take, generously.
constexpr int64_t kSpareBytes = 64'000'000;

std::string MarkerOf(const SynthesizeOptions& options) {
  // The weights of a sparse checkpoint are zeros whatever the seed.
  return StrCat("{\"generation\": ", kGeneration, ", \"shape\": ", JsonString(options.shape),
                ", \"sparse\": ", options.sparse ? "true" : "false",
                ", \"seed\": ", options.sparse ? 0 : options.seed, "}\n");
}

std::string IndexJson(const std::vector<Shard>& shards, int64_t total_bytes) {
  std::vector<std::pair<std::string, std::string>> places;
  for (const Shard& shard : shards) {
    for (const TensorDeclaration& tensor : shard.tensors) {
      places.emplace_back(tensor.name, shard.file_name);
    }
  }
  std::sort(places.begin(), places.end());
  std::string json = StrCat("{\n  \"metadata\": {\n    \"total_size\": ", total_bytes,
                            "\n  },\n  \"weight_map\": {");
  for (size_t i = 0; i < places.size(); ++i) {
    StrAppend(&json, i == 0 ? "\n    " : ",\n    ", JsonString(places[i].first), ": ",
              JsonString(places[i].second));
  }
  json += "\n  }\n}\n";
  return json;
}

// Writes the shards on several threads. One use.
class ShardWriter {
 public:
  ShardWriter(const SynthesizeOptions& options, const std::vector<Shard>& shards,
              std::string directory, int64_t total_bytes)
      : options_(options),
        shards_(shards),
        directory_(std::move(directory)),
        total_bytes_(total_bytes),
        weights_(options.seed) {}

  absl::Status Run() {
    const size_t threads = std::min(shards_.size(), static_cast<size_t>(options_.threads));
    std::vector<std::thread> workers;
    for (size_t i = 1; i < threads; ++i) workers.emplace_back([this] { Work(); });
    Work();
    for (std::thread& worker : workers) worker.join();
    MutexLock lock(&mutex_);
    return status_;
  }

 private:
  // Takes one shard after the other until there is none or one failed.
  void Work() {
    while (true) {
      size_t shard = 0;
      {
        MutexLock lock(&mutex_);
        if (!status_.ok() || next_shard_ == shards_.size()) return;
        shard = next_shard_++;
      }
      const absl::Status written = WriteShard(shards_[shard]);
      MutexLock lock(&mutex_);
      status_.Update(written);
    }
  }

  absl::Status WriteShard(const Shard& shard) {
    return WriteSafetensors(
        StrCat(directory_, "/", shard.file_name), shard.tensors,
        [this](const TensorDeclaration& tensor, int64_t offset_bytes, absl::Span<std::byte> out) {
          FIRSTLIGHT_RETURN_IF_ERROR(weights_.Fill(tensor, offset_bytes, out));
          return ReportProgress(static_cast<int64_t>(out.size()));
        },
        {.sparse = options_.sparse});
  }

  // The error of another shard stops this one, too.
  absl::Status ReportProgress(int64_t bytes) {
    MutexLock lock(&mutex_);
    written_bytes_ += bytes;
    if (options_.progress != nullptr) options_.progress(written_bytes_, total_bytes_);
    return status_;
  }

  const SynthesizeOptions& options_;
  const std::vector<Shard>& shards_;
  const std::string directory_;
  const int64_t total_bytes_;
  const RandomWeights weights_;
  Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  size_t next_shard_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t written_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Whether `directory` already holds what `options` ask for. ALREADY_EXISTS when it holds anything
// else.
absl::StatusOr<bool> IsAlreadyThere(const SynthesizeOptions& options,
                                    const std::string& directory) {
  std::error_code error;
  const bool empty = std::filesystem::is_empty(directory, error);
  if (error == std::errc::no_such_file_or_directory || (!error && empty)) return false;
  const std::string expected = MarkerOf(options);
  const absl::StatusOr<std::string> marker =
      ReadFile(StrCat(directory, "/", kMarkerFile), kMaxMarkerBytes);
  if (!marker.ok()) {
    return absl::AlreadyExistsError(
        StrCat(directory, ": expected an empty directory or none, found something else"));
  }
  if (*marker != expected) {
    return absl::AlreadyExistsError(StrCat(directory, ": expected a checkpoint made from ",
                                           Quoted(expected), ", found one made from ",
                                           Quoted(*marker)));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(Checkpoint::Open(directory).status());
  return true;
}

absl::Status CheckFreeSpace(const std::string& parent, int64_t bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(parent, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), StrCat(parent, ": cannot be examined"));
  }
  if (space.available < static_cast<uint64_t>(bytes)) {
    return absl::ResourceExhaustedError(
        StrCat(parent, ": expected ", bytes, " bytes of free space, found ", space.available));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SynthesizeResult> SynthesizeCheckpoint(const SynthesizeOptions& options) {
  if (options.directory.empty()) return absl::InvalidArgumentError("directory: expected a name");
  if (options.threads < 1 || options.threads > 256) {
    return absl::InvalidArgumentError(
        StrCat("threads: expected 1 to 256, found ", options.threads));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelShape* const shape, FindShape(options.shape));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<Shard> shards, ShardsOf(*shape));
  // Without a trailing slash, and never relative to nothing.
  std::filesystem::path place = std::filesystem::absolute(options.directory).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  SynthesizeResult result = {.directory = place.string(),
                             .weight_files = static_cast<int>(shards.size())};
  for (const Shard& shard : shards) result.weight_bytes += shard.bytes;

  FIRSTLIGHT_ASSIGN_OR_RETURN(result.reused, IsAlreadyThere(options, result.directory));
  if (result.reused) return result;

  FIRSTLIGHT_RETURN_IF_ERROR(CheckFreeSpace(
      place.parent_path().string(), kSpareBytes + (options.sparse ? 0 : result.weight_bytes)));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<PartialDirectory> partial,
                              PartialDirectory::Create(result.directory));
  FIRSTLIGHT_RETURN_IF_ERROR(partial->Write("config.json", std::string(shape->config_json)));
  FIRSTLIGHT_RETURN_IF_ERROR(
      partial->Write("generation_config.json", std::string(shape->generation_config_json)));
  const TokenizerFiles tokenizer = MakeTokenizer(shape->tokenizer);
  FIRSTLIGHT_RETURN_IF_ERROR(partial->Write("tokenizer.json", tokenizer.tokenizer_json));
  FIRSTLIGHT_RETURN_IF_ERROR(
      partial->Write("tokenizer_config.json", tokenizer.tokenizer_config_json));
  if (shards.size() > 1) {
    FIRSTLIGHT_RETURN_IF_ERROR(
        partial->Write("model.safetensors.index.json", IndexJson(shards, result.weight_bytes)));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(
      ShardWriter(options, shards, partial->path(), result.weight_bytes).Run());
  FIRSTLIGHT_RETURN_IF_ERROR(partial->Write(std::string(kMarkerFile), MarkerOf(options)));
  FIRSTLIGHT_RETURN_IF_ERROR(partial->Commit());
  return result;
}

}  // namespace firstlight
