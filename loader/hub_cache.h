#ifndef FIRSTLIGHT_LOADER_HUB_CACHE_H_
#define FIRSTLIGHT_LOADER_HUB_CACHE_H_

// Where a model's files are: in a plain directory, or in a Hugging Face cache folder
// (models--ORG--NAME), whose refs/main names the snapshot and whose snapshots are symbolic links
// into blobs/.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace firstlight {

// The directory that holds config.json: `path` itself, or the snapshot that refs/main names when
// `path` is a cache folder. A snapshot directory is a plain directory. NOT_FOUND when `path` does
// not exist or its snapshot is missing, INVALID_ARGUMENT when it is not a directory.
absl::StatusOr<std::string> ResolveModelDirectory(const std::string& path);

// Whether `name`, read from a checkpoint's own files, can be joined to the checkpoint's directory:
// one path component, not "." or "..", without control characters. Judged as text: in a cache
// folder every file is a link that leads out of the directory, and rightly so.
// INVALID_ARGUMENT otherwise.
absl::Status CheckFileName(std::string_view name);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_HUB_CACHE_H_
