#ifndef FIRSTLIGHT_ENGINE_KERNELS_WEIGHT_ROWS_H_
#define FIRSTLIGHT_ENGINE_KERNELS_WEIGHT_ROWS_H_

// A weight as the kernels see it: rows of a mapped file, used where they are.
//
// Nothing here is assumed aligned, not even to the element's own size: published checkpoints are
// not. Rows may be further apart than they are long, so that a slice of a fused tensor is a view.

#include <cstdint>

namespace firstlight {

// What a weight is stored as. Every kernel widens to float32, which is exact for all of them.
// kMxfp4 (kernels/mxfp4.h) is for the weight of a product alone: not for biases, norms, embeddings.
enum class WeightType : uint8_t { kF32, kF16, kBF16, kMxfp4 };

// Bytes of an element. Internal linkage: translation units for other instruction sets include it.
// REQUIRES: not kMxfp4, of which two elements share a byte.
static constexpr inline int64_t WeightTypeBytes(WeightType type) {
  return type == WeightType::kF32 ? 4 : 2;
}

// Bytes of consecutive elements; of kMxfp4 an even number of them, scales not counted.
static constexpr inline int64_t WeightBytes(WeightType type, int64_t elements) {
  return type == WeightType::kMxfp4 ? elements / 2 : elements * WeightTypeBytes(type);
}

// [rows, columns], row-major. Non-owning; a vector is one row. A default one is absent.
struct WeightRows {
  const void* data = nullptr;
  WeightType type = WeightType::kF32;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t row_stride = 0;  // elements from a row to the next, >= columns
  // kMxfp4 only: [rows, columns / 32], a byte each.
  const void* scales = nullptr;
  int64_t scale_stride = 0;  // bytes from a row's scales to the next's
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_WEIGHT_ROWS_H_
