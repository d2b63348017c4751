#include "server/models/model_roots.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"

namespace firstlight {
namespace {

namespace fs = std::filesystem;

// Entries looked at below a directory: more than any checkpoint has.
constexpr int kMaxEntries = 100000;
constexpr int kMaxDepth = 8;

}  // namespace

absl::StatusOr<ModelRoots> ModelRoots::Create(const std::vector<std::string>& roots,
                                              const std::vector<ModelArgument>& models) {
  ModelRoots result;
  std::error_code error;
  for (const std::string& root : roots) {
    const fs::path resolved = fs::canonical(root, error);
    if (error || !fs::is_directory(resolved, error)) {
      return absl::NotFoundError(
          absl::StrCat("--model-root: expected a directory, found \"", root, "\""));
    }
    result.roots_.push_back(resolved.string());
  }
  if (!roots.empty()) return result;
  for (const ModelArgument& model : models) {
    fs::path path(model.directory);
    if (!path.has_filename()) path = path.parent_path();  // "dir/"
    const fs::path given = fs::canonical(fs::absolute(path, error).parent_path(), error);
    if (!error) result.roots_.push_back(given.string());
    const fs::path resolved = fs::canonical(path, error);
    if (!error) result.roots_.push_back(resolved.parent_path().string());
  }
  std::sort(result.roots_.begin(), result.roots_.end());
  result.roots_.erase(std::unique(result.roots_.begin(), result.roots_.end()), result.roots_.end());
  return result;
}

bool ModelRoots::Contains(const std::string& resolved) const {
  return std::any_of(roots_.begin(), roots_.end(), [&](const std::string& root) {
    return resolved == root || root == "/" || absl::StartsWith(resolved, absl::StrCat(root, "/"));
  });
}

absl::Status ModelRoots::Refuse(const std::string& path, const std::string& resolved) const {
  return WithErrorInfo(
      absl::PermissionDeniedError(absl::StrCat(
          "directory: expected a path inside a model root (",
          roots_.empty() ? "there is none: start with --model-root" : absl::StrJoin(roots_, ", "),
          "), found \"", path, "\"",
          path == resolved ? "" : absl::StrCat(", which leads to \"", resolved, "\""))),
      "OUTSIDE_MODEL_ROOTS", {{"field", "directory"}});
}

absl::Status ModelRoots::Check(const std::string& directory) const {
  std::error_code error;
  const fs::path resolved = fs::weakly_canonical(fs::absolute(directory, error), error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("directory: \"", directory, "\": ", error.message()));
  }
  if (!Contains(resolved.string())) return Refuse(directory, resolved.string());
  if (!fs::is_directory(resolved, error)) {
    return WithErrorInfo(
        absl::NotFoundError(absl::StrCat("directory: expected a model directory, found ",
                                         fs::exists(resolved, error) ? "a file" : "nothing",
                                         " at \"", directory, "\"")),
        "DIRECTORY_NOT_FOUND", {{"field", "directory"}});
  }
  int entries = 0;
  fs::recursive_directory_iterator entry(resolved, fs::directory_options::skip_permission_denied,
                                         error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (++entries > kMaxEntries) {
      return absl::InvalidArgumentError(absl::StrCat("directory: expected at most ", kMaxEntries,
                                                     " files, found more in \"", directory, "\""));
    }
    if (entry.depth() >= kMaxDepth) entry.disable_recursion_pending();
    std::error_code ignored;
    if (!entry->is_symlink(ignored)) continue;
    const fs::path target = fs::weakly_canonical(entry->path(), ignored);
    if (ignored || !Contains(target.string())) {
      return Refuse(entry->path().string(), target.string());
    }
  }
  return absl::OkStatus();
}

}  // namespace firstlight
