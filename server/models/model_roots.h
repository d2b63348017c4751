#ifndef FIRSTLIGHT_SERVER_MODELS_MODEL_ROOTS_H_
#define FIRSTLIGHT_SERVER_MODELS_MODEL_ROOTS_H_

// Where the admin service may load from. Paths are judged by where they lead, symbolic links
// resolved: a link inside a root that leads out of every root is refused, for the directory and for
// the files in it (a Hugging Face cache folder, whose links stay inside it, passes).
//
// The check is against mistakes and against clients of the admin service; someone who can write
// below a root is trusted with it.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/options/option_values.h"

namespace firstlight {

class ModelRoots {
 public:
  // Roots as given; without any, the parents of the models' directories (as given and as they
  // resolve). NOT_FOUND when a root given is not a directory. Reads the file system.
  static absl::StatusOr<ModelRoots> Create(const std::vector<std::string>& roots,
                                           const std::vector<ModelArgument>& models);

  // OK, PERMISSION_DENIED naming the roots and where the path leads, or NOT_FOUND.
  absl::Status Check(const std::string& directory) const;

 private:
  bool Contains(const std::string& resolved) const;
  absl::Status Refuse(const std::string& path, const std::string& resolved) const;

  std::vector<std::string> roots_;  // resolved, without a slash at the end
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_MODEL_ROOTS_H_
