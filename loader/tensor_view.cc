#include "loader/tensor_view.h"

#include "absl/strings/str_join.h"
#include "loader/base/strings.h"

namespace firstlight {

int64_t TensorView::NumElements() const {
  int64_t elements = 1;
  for (const int64_t dimension : shape) elements *= dimension;
  return elements;
}

std::string ShapeToString(absl::Span<const int64_t> shape) {
  return StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace firstlight
