#ifndef FIRSTLIGHT_LOADER_TENSOR_VIEW_H_
#define FIRSTLIGHT_LOADER_TENSOR_VIEW_H_

// A tensor as it lies in a mapped file: name, element type, shape and where its bytes are.
//
// Non-owning: `data` is valid for as long as the MappedFile (and so the Checkpoint) it came from.
// The bytes are little-endian, row-major, and often NOT aligned to their element size: load them
// through memcpy or unaligned instructions, never through a typed pointer. Making, copying and
// inspecting a TensorView reads none of them.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "loader/dtype.h"

namespace firstlight {

class MappedFile;

using Shape = absl::InlinedVector<int64_t, 4>;

struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  // Outermost dimension first: [out, in] for the weight of a linear layer; empty for a scalar.
  Shape shape;
  absl::Span<const std::byte> data;
  // The mapping that `data` points into; null for a tensor that is not backed by a file.
  const MappedFile* file = nullptr;

  // The product of `shape`: 1 for a scalar, 0 when a dimension is.
  int64_t NumElements() const;
};

// "[2048, 128256]", "[]" for a scalar.
std::string ShapeToString(absl::Span<const int64_t> shape);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_TENSOR_VIEW_H_
