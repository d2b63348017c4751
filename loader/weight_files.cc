#include "loader/weight_files.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/hub_cache.h"
#include "loader/json.h"
#include "loader/safetensors.h"

namespace firstlight {
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxShards = 4096;
constexpr size_t kMaxTensors = 1'000'000;

// An index spends a colon and a comma on each tensor; its metadata is a line.
constexpr JsonOptions kIndexOptions = {.max_bytes = int64_t{256} << 20,
                                       .max_depth = 8,
                                       .max_structural_characters = 4 * int64_t{kMaxTensors}};

constexpr std::string_view kConversionHint =
    "pickled weights can run code and are not loaded; convert them with: python3 -c \"from "
    "transformers import AutoModelForCausalLM as M; "
    "M.from_pretrained('DIR', torch_dtype='auto').save_pretrained('OUT', safe_serialization=True)"
    "\" and copy the tokenizer files";

void SortByName(WeightFiles& weights) {
  std::sort(weights.tensors.begin(), weights.tensors.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
}

// A link whose target is gone counts, so that the error is about the target.
bool IsListed(const std::string& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

absl::StatusOr<WeightFiles> OpenSingle(const std::string& path, MappedFiles* files) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path, files));
  WeightFiles weights;
  weights.files.push_back(file.file());
  weights.tensors.assign(file.tensors().begin(), file.tensors().end());
  SortByName(weights);
  return weights;
}

// Tensor name → shard name. The views are into the index document.
using WeightMap = absl::flat_hash_map<std::string_view, std::string_view>;

absl::StatusOr<WeightMap> ReadWeightMap(const JsonDocument& index) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject object, index.root().GetObject("weight_map"));
  WeightMap weight_map;
  for (const auto [tensor, value] : object) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view shard, value.AsString());
    if (const absl::Status named = CheckFileName(shard); !named.ok()) {
      return value.Error(ToStd(named.message()));
    }
    if (!shard.ends_with(".safetensors")) {
      return value.Error(StrCat("expected a .safetensors file, found ", Quoted(shard)));
    }
    weight_map.emplace(tensor, shard);
    if (weight_map.size() > kMaxTensors) {
      return absl::ResourceExhaustedError(
          StrCat(index.name(), ": expected at most ", kMaxTensors, " tensors"));
    }
  }
  return weight_map;
}

absl::StatusOr<WeightFiles> OpenSharded(const std::string& directory, const std::string& path,
                                        MappedFiles* files) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> index,
                              JsonDocument::ReadFile(path, kIndexOptions));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const WeightMap weight_map, ReadWeightMap(*index));

  // Sorted, so that shards are opened, and errors found, in one order.
  std::map<std::string_view, std::vector<std::string_view>> tensors_of_shard;
  for (const auto& [tensor, shard] : weight_map) tensors_of_shard[shard].push_back(tensor);
  if (tensors_of_shard.size() > kMaxShards) {
    return absl::ResourceExhaustedError(StrCat(index->name(), ": expected at most ", kMaxShards,
                                               " files, found ", tensors_of_shard.size()));
  }

  WeightFiles weights;
  // Tensors that no entry of the index places: name → shard.
  absl::flat_hash_map<std::string, std::string_view> unlisted;
  for (auto& [shard, expected] : tensors_of_shard) {
    const std::string shard_path = StrCat(directory, "/", shard);
    absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(shard_path, files);
    if (absl::IsNotFound(file.status())) {
      return absl::NotFoundError(StrCat(shard_path, ": no such file, though ", index->name(),
                                        " places ", expected.size(), " tensors in it"));
    }
    FIRSTLIGHT_RETURN_IF_ERROR(file.status());
    weights.files.push_back(file->file());
    absl::flat_hash_set<std::string_view> found;
    for (const TensorView& tensor : file->tensors()) {
      const auto entry = weight_map.find(tensor.name);
      if (entry == weight_map.end()) {
        const auto [other, inserted] = unlisted.emplace(tensor.name, shard);
        if (!inserted) {
          return absl::InvalidArgumentError(
              StrCat(file->file()->name(), ": tensor ", Quoted(tensor.name), ": also in ",
                     other->second, ", and ", index->name(), " does not say which counts"));
        }
      } else if (entry->second != shard) {
        continue;  // The index places it in another shard.
      } else {
        found.insert(entry->first);
      }
      weights.tensors.push_back(tensor);
      if (weights.tensors.size() > kMaxTensors) {
        return absl::ResourceExhaustedError(
            StrCat(directory, ": expected at most ", kMaxTensors, " tensors"));
      }
    }
    if (found.size() != expected.size()) {
      std::sort(expected.begin(), expected.end());
      const auto missing = std::find_if(expected.begin(), expected.end(),
                                        [&found](auto name) { return !found.contains(name); });
      return absl::InvalidArgumentError(StrCat(file->file()->name(), ": tensor ", Quoted(*missing),
                                               ": not in the file, though ", index->name(),
                                               " places it there"));
    }
  }
  SortByName(weights);
  return weights;
}

// Why a directory with neither a single file nor an index has no weights that can be loaded.
absl::Status NoWeights(const std::string& directory) {
  std::string pickled;
  std::string safetensors;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) return absl::ErrnoToStatus(error.value(), StrCat(directory, ": cannot be read"));
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    const bool is_pickle =
        absl::EndsWith(name, ".bin") || absl::EndsWith(name, ".pt") || absl::EndsWith(name, ".pth");
    std::string* const example = is_pickle                              ? &pickled
                                 : absl::EndsWith(name, ".safetensors") ? &safetensors
                                                                        : nullptr;
    if (example != nullptr && (example->empty() || name < *example)) *example = name;
  }
  const std::string expected = StrCat(directory, ": expected model.safetensors or ", kIndexFile);
  if (!safetensors.empty()) {
    return absl::NotFoundError(StrCat(expected, ", found ", safetensors, " without an index"));
  }
  if (!pickled.empty()) {
    return absl::FailedPreconditionError(
        StrCat(expected, ", found ", pickled, ": ", kConversionHint));
  }
  return absl::NotFoundError(StrCat(expected, ", found no weights"));
}

}  // namespace

absl::StatusOr<WeightFiles> OpenWeightFiles(const std::string& directory, MappedFiles* files) {
  const std::string single = StrCat(directory, "/", kSingleFile);
  if (IsListed(single)) return OpenSingle(single, files);
  const std::string index = StrCat(directory, "/", kIndexFile);
  if (IsListed(index)) return OpenSharded(directory, index, files);
  return NoWeights(directory);
}

}  // namespace firstlight
