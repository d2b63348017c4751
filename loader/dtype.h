#ifndef FIRSTLIGHT_LOADER_DTYPE_H_
#define FIRSTLIGHT_LOADER_DTYPE_H_

// Element types of the safetensors format, by the names that its files use.
//
// The loader knows every published type, so that a buffer nobody needs (an I64 mask, a U8 table)
// does not fail a checkpoint. Which of them a weight may have is decided where it is bound.

#include <cstdint>
#include <optional>
#include <string_view>

namespace firstlight {

// The order is the format's own: the reference writer puts later types first in a file.
enum class DType : uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};

// The name in a safetensors header, such as "BF16".
std::string_view DTypeName(DType dtype);

// The inverse of DTypeName; nothing for a name that is not known.
std::optional<DType> DTypeFromName(std::string_view name);

// Bits of one element: 4 and 6 for the packed types, else a multiple of 8.
int DTypeBits(DType dtype);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_DTYPE_H_
