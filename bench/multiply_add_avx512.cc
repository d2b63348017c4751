#include <immintrin.h>

#include "bench/multiply_add.h"

namespace firstlight {

int64_t MultiplyAddAvx512(int64_t iterations) {
  constexpr int kChains = 12;
  const __m512 factor = _mm512_set1_ps(0.5F);
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) {
      sums[chain] = _mm512_fmadd_ps(sums[chain], factor, factor);
      asm volatile("" : "+v"(sums[chain]));  // keeps every step, in a register
    }
  }
  return iterations * kChains * 16 * 2;
}

}  // namespace firstlight
