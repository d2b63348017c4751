#ifndef FIRSTLIGHT_ENGINE_DECODER_TENSOR_SOURCE_H_
#define FIRSTLIGHT_ENGINE_DECODER_TENSOR_SOURCE_H_

// Where parts of a layer that are bound in a folder of their own (engine/mixture, engine/recurrent)
// find its tensors.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/kernels/weight_rows.h"
#include "loader/tensor_view.h"

namespace firstlight {

// Where the tensors of one layer come from. What goes wrong is kept there; the rows returned then
// are absent.
class TensorSource {
 public:
  // Writes at `to` what lies at `from`, in another order.
  using Rearrangement = void (*)(const Shape& shape, int64_t element_bytes, const std::byte* from,
                                 std::byte* to);

  virtual ~TensorSource() = default;

  // The layer's tensor of that name, or null.
  virtual const TensorView* Find(const std::string& name) = 0;
  // It as rows of its last dimension, which must be of `shape` and of a dtype that products read.
  virtual WeightRows Weight(const std::string& name, const Shape& shape) = 0;
  // A copy, rearranged, for the `reason` given: as many elements, in rows of `columns`.
  virtual WeightRows Rearranged(const std::string& name, const Shape& shape, int64_t columns,
                                Rearrangement rearrange, std::string_view reason) = 0;
  // Its bytes, of dtype U8; null where that fails.
  virtual const std::byte* Bytes(const std::string& name, const Shape& shape) = 0;
  virtual void Fail(const absl::Status& status) = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_TENSOR_SOURCE_H_
