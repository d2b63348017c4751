#ifndef FIRSTLIGHT_ENGINE_KERNELS_AVX512_AVX512_H_
#define FIRSTLIGHT_ENGINE_KERNELS_AVX512_AVX512_H_

// The kernels that gain from AVX-512 (F, BW, DQ, VL). Only to be called on a machine that has it.
//
// The sources beside this header are compiled for that machine. They include only intrinsics and
// headers whose functions have internal linkage.

#include "engine/kernels/tiled_product.h"

namespace firstlight::avx512 {

void MultiplyTile(const TileArgs& args);

}  // namespace firstlight::avx512

#endif  // FIRSTLIGHT_ENGINE_KERNELS_AVX512_AVX512_H_
