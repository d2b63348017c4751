#include <immintrin.h>

#include "bench/multiply_add.h"

namespace firstlight {

// Twelve chains: more than latency times issue width of any core so far.
int64_t MultiplyAddAvx2(int64_t iterations) {
  constexpr int kChains = 12;
  const __m256 factor = _mm256_set1_ps(0.5F);
  __m256 sums[kChains] = {};
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) {
      sums[chain] = _mm256_fmadd_ps(sums[chain], factor, factor);
      asm volatile("" : "+x"(sums[chain]));  // keeps every step, in a register
    }
  }
  return iterations * kChains * 8 * 2;
}

}  // namespace firstlight
