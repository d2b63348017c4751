#ifndef FIRSTLIGHT_ENGINE_KERNELS_MXFP4_H_
#define FIRSTLIGHT_ENGINE_KERNELS_MXFP4_H_

// MXFP4 (Open Compute Project, "Microscaling Formats (MX)", 1.0): blocks of 32 elements of a row,
// each element 4 bits E2M1, and a scale E8M0 for the block. Element 2 i is the low half of byte i.
//
//   weight = kE2m1[element] * kE8m0.values[scale]
//
// One multiplication in float32, exact but where it overflows; so every variant of the product
// decodes to the same bits. A row has whole blocks.
//
// Internal linkage: translation units for other instruction sets include this.

#include <cstdint>

namespace firstlight {

static constexpr int64_t kMxfp4BlockElements = 32;
static constexpr int64_t kMxfp4BlockBytes = 16;

// The sixteen elements: sign, two bits of exponent, one of mantissa.
static constexpr float kE2m1[16] = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                                    -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};

struct E8m0Table {
  float values[256];
};

// 2 ^ (scale - 127); 255 is NaN.
static constexpr E8m0Table MakeE8m0Table() {
  E8m0Table table = {};
  float power = 0x1p-127F;
  for (int scale = 0; scale < 254; ++scale) {
    table.values[scale] = power;
    power *= 2.0F;
  }
  table.values[254] = power;
  table.values[255] = __builtin_nanf("");
  return table;
}

static constexpr E8m0Table kE8m0 = MakeE8m0Table();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_MXFP4_H_
