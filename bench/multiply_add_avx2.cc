#include <immintrin.h>

#include "bench/multiply_add.h"

namespace firstlight {

// Twelve chains: more than latency times issue width of any core so far.
int64_t MultiplyAddAvx2(int64_t iterations) {
  constexpr int kChains = 12;
  const __m256 factor = _mm256_set1_ps(0.5F);
  __m256 sums[kChains] = {};
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m256& sum : sums) {
      sum = _mm256_fmadd_ps(sum, factor, factor);
      asm volatile("" : "+x"(sum));  // keeps every step
    }
  }
  return iterations * kChains * 8 * 2;
}

}  // namespace firstlight
