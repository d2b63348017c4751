#ifndef FIRSTLIGHT_LOADER_CHECKPOINT_H_
#define FIRSTLIGHT_LOADER_CHECKPOINT_H_

// A model directory on disk, opened: its config.json parsed, its weight files mapped and checked,
// its tensors by name.
//
// Weights are `model.safetensors`, or the shards that `model.safetensors.index.json` names; when
// both are there the single file wins, as in transformers. Opening reads the JSON and the headers
// and no weight byte, so its cost does not depend on the model's size.
//
// A Checkpoint owns its mappings (or its share of them) and everything that its TensorViews and
// JsonValues point into. Immutable after Open: any thread may read it. Destroying it unmaps: not on
// a request thread, not on the engine thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/json.h"
#include "loader/mapped_file.h"
#include "loader/mapped_files.h"
#include "loader/tensor_view.h"

namespace firstlight {

// How a config.json is read. Those of models with recurrent layers hold steps up to Infinity.
inline constexpr JsonOptions kModelConfigJson = {.max_bytes = int64_t{16} << 20,
                                                 .python_numbers = true};

class Checkpoint {
 public:
  // Longest file that ReadFile and OpenJson take when not told otherwise: real tokenizer.json files
  // reach 33 MB.
  static constexpr int64_t kMaxFileBytes = int64_t{128} << 20;

  // `directory` is a model directory or a Hugging Face cache folder (loader/hub_cache.h).
  //   NOT_FOUND            no such directory, no config.json, no weights, a shard that is missing
  //   FAILED_PRECONDITION  the weights are pickled (.bin, .pt); says how to convert them
  //   INVALID_ARGUMENT     a file that breaks its format, or an index that does not fit its shards
  //   UNIMPLEMENTED        a dtype of unknown name
  //   RESOURCE_EXHAUSTED   beyond a limit of the formats, or out of descriptors or address space
  // Shares the weight files that `files`, if given, has mapped already.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const std::string& directory,
                                                          MappedFiles* files = nullptr);

  // The directory that holds config.json: the snapshot, for a cache folder.
  const std::string& directory() const { return directory_; }
  // config.json.
  const JsonDocument& config() const { return *config_; }

  // The tensor of that name, or null.
  const TensorView* Find(std::string_view name) const;
  // All of them, in the order of their names. Tensors that a shard holds and the index does not
  // list are among them.
  absl::Span<const TensorView> tensors() const { return tensors_; }
  // The weight files, each mapped once, in the order of their names.
  absl::Span<const std::shared_ptr<const MappedFile>> files() const { return files_; }
  // Bytes of all tensors.
  int64_t tensor_bytes() const { return tensor_bytes_; }

  // Another file of the directory: "tokenizer.json". Blocks on the disk. `name` is one path
  // component. NOT_FOUND when there is none, RESOURCE_EXHAUSTED when it is longer than `max_bytes`.
  absl::StatusOr<std::string> ReadFile(std::string_view name,
                                       int64_t max_bytes = kMaxFileBytes) const;
  absl::StatusOr<std::unique_ptr<const JsonDocument>> OpenJson(
      std::string_view name, const JsonOptions& options = {.max_bytes = kMaxFileBytes}) const;
  // Whether the directory lists it. A link whose target is gone counts: reading it is the error.
  bool HasFile(std::string_view name) const;

 private:
  Checkpoint() = default;

  std::string directory_;
  std::unique_ptr<const JsonDocument> config_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<TensorView> tensors_;  // sorted by name
  int64_t tensor_bytes_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_CHECKPOINT_H_
