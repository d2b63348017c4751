#include "loader/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/hub_cache.h"
#include "loader/weight_files.h"

namespace firstlight {

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& directory,
                                                             MappedFiles* files) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint());
  FIRSTLIGHT_ASSIGN_OR_RETURN(checkpoint->directory_, ResolveModelDirectory(directory));
  const std::string config_path = StrCat(checkpoint->directory_, "/config.json");
  absl::StatusOr<std::unique_ptr<const JsonDocument>> config =
      JsonDocument::ReadFile(config_path, kModelConfigJson);
  if (absl::IsNotFound(config.status())) {
    return absl::NotFoundError(StrCat(config_path, ": no such file; a model directory has one"));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(checkpoint->config_, std::move(config));
  FIRSTLIGHT_RETURN_IF_ERROR(checkpoint->config().root().AsObject().status());

  FIRSTLIGHT_ASSIGN_OR_RETURN(WeightFiles weights, OpenWeightFiles(checkpoint->directory_, files));
  checkpoint->files_ = std::move(weights.files);
  checkpoint->tensors_ = std::move(weights.tensors);
  for (const TensorView& tensor : checkpoint->tensors_) {
    checkpoint->tensor_bytes_ += static_cast<int64_t>(tensor.data.size());
  }
  return checkpoint;
}

const TensorView* Checkpoint::Find(std::string_view name) const {
  const auto place = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view key) { return tensor.name < key; });
  return place != tensors_.end() && place->name == name ? &*place : nullptr;
}

absl::StatusOr<std::string> Checkpoint::ReadFile(std::string_view name, int64_t max_bytes) const {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckFileName(name));
  return firstlight::ReadFile(StrCat(directory_, "/", name), max_bytes);
}

absl::StatusOr<std::unique_ptr<const JsonDocument>> Checkpoint::OpenJson(
    std::string_view name, const JsonOptions& options) const {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckFileName(name));
  return JsonDocument::ReadFile(StrCat(directory_, "/", name), options);
}

bool Checkpoint::HasFile(std::string_view name) const {
  std::error_code ignored;
  return CheckFileName(name).ok() &&
         std::filesystem::symlink_status(StrCat(directory_, "/", name), ignored).type() !=
             std::filesystem::file_type::not_found;
}

}  // namespace firstlight
