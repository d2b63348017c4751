#ifndef FIRSTLIGHT_LOADER_SAFETENSORS_H_
#define FIRSTLIGHT_LOADER_SAFETENSORS_H_

// One .safetensors file: its header read and checked, its tensors as views into the mapping.
//
// The format (https://github.com/huggingface/safetensors): 8 bytes little-endian header length N,
// N bytes of JSON that map each name to {dtype, shape, data_offsets}, then the data. Every file is
// treated as hostile: N fits the file and 100,000,000; names are unique; offsets start at 0 and
// follow each other without holes or overlap up to the last byte; shape × dtype size is the byte
// count, in checked arithmetic; entries, names and ranks are capped. "__metadata__" is tolerated as
// a map of strings.
//
// Opening reads the header, by read(2) and not through the mapping, and no byte of the data.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/mapped_file.h"
#include "loader/mapped_files.h"
#include "loader/tensor_view.h"

namespace firstlight {

struct SafetensorsLimits {
  static constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own
  static constexpr int64_t kMaxTensors = 100'000;
  static constexpr int64_t kMaxNameBytes = 1024;
  static constexpr int64_t kMaxRank = 16;
};

// A tensor as the header describes it. Offsets count from the start of the data.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t begin_bytes = 0;
  uint64_t end_bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Checks the header's JSON against the `data_bytes` that follow it. `file_name` is for messages.
// INVALID_ARGUMENT for what the format forbids, RESOURCE_EXHAUSTED beyond the limits,
// UNIMPLEMENTED for a dtype of unknown name.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view file_name,
                                                         std::string json, uint64_t data_bytes);

class SafetensorsFile {
 public:
  // Maps the file, or shares the mapping that `files`, if given, knows. Errors as MappedFile::Open
  // and ParseSafetensorsHeader.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path,
                                              MappedFiles* files = nullptr);

  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  // In the order of their data. Valid for as long as file().
  absl::Span<const TensorView> tensors() const { return tensors_; }
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }

 private:
  SafetensorsFile() = default;

  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorView> tensors_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_SAFETENSORS_H_
