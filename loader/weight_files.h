#ifndef FIRSTLIGHT_LOADER_WEIGHT_FILES_H_
#define FIRSTLIGHT_LOADER_WEIGHT_FILES_H_

// Finding and mapping the weight files of a model directory. Checkpoint is what others use.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/mapped_file.h"
#include "loader/mapped_files.h"
#include "loader/tensor_view.h"

namespace firstlight {

struct WeightFiles {
  std::vector<std::shared_ptr<const MappedFile>> files;  // in the order of their names
  std::vector<TensorView> tensors;                       // in the order of theirs, unique
};

// Shares what `files`, if given, has mapped already. Errors as Checkpoint::Open.
absl::StatusOr<WeightFiles> OpenWeightFiles(const std::string& directory,
                                            MappedFiles* files = nullptr);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_WEIGHT_FILES_H_
