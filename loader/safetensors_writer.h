#ifndef FIRSTLIGHT_LOADER_SAFETENSORS_WRITER_H_
#define FIRSTLIGHT_LOADER_SAFETENSORS_WRITER_H_

// Writing a safetensors file as the reference library does: tensors sorted by dtype (wide first),
// then name; the header padded with spaces to a multiple of 8. The data comes from a callback in
// pieces, so that a file of any size takes little memory.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "loader/dtype.h"
#include "loader/tensor_view.h"

namespace firstlight {

struct TensorDeclaration {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

// Fills `out` with the bytes of `tensor` from `offset_bytes` on. Called once for each piece, in the
// order of the file, from the writing thread.
using TensorSource = std::function<absl::Status(const TensorDeclaration& tensor,
                                                int64_t offset_bytes, absl::Span<std::byte> out)>;

struct SafetensorsWriterOptions {
  std::vector<std::pair<std::string, std::string>> metadata = {{"format", "pt"}};
  // The data is a hole: the file has its full length and takes no space, and reads as zeros.
  bool sparse = false;
  // Bytes of one piece, a multiple of every element size.
  int64_t piece_bytes = int64_t{4} << 20;
};

// Bytes of the tensor's data. INVALID_ARGUMENT when they overflow or end inside a byte.
absl::StatusOr<int64_t> TensorBytes(const TensorDeclaration& tensor);

// Writes `path`, which must not exist; it is left behind, incomplete, on failure. `source` may be
// empty when sparse. Blocks on the disk. ALREADY_EXISTS, INVALID_ARGUMENT for a duplicate name or a
// size that overflows, RESOURCE_EXHAUSTED when the disk is full, or what `source` returns.
absl::Status WriteSafetensors(const std::string& path, std::vector<TensorDeclaration> tensors,
                              const TensorSource& source,
                              const SafetensorsWriterOptions& options = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_SAFETENSORS_WRITER_H_
