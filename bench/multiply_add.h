#ifndef FIRSTLIGHT_BENCH_MULTIPLY_ADD_H_
#define FIRSTLIGHT_BENCH_MULTIPLY_ADD_H_

// Loops of independent float32 fused multiply-adds that never leave the registers. Each returns the
// number of floating-point operations that `iterations` rounds did.

#include <cstdint>

namespace firstlight {

int64_t MultiplyAddAvx2(int64_t iterations);
int64_t MultiplyAddAvx512(int64_t iterations);  // REQUIRES: AVX-512 F

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_MULTIPLY_ADD_H_
