#include <immintrin.h>

#include "bench/multiply_add.h"

namespace firstlight {

int64_t MultiplyAddAvx512(int64_t iterations) {
  constexpr int kChains = 12;
  const __m512 factor = _mm512_set1_ps(0.5F);
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < iterations; ++i) {
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(sum, factor, factor);
      asm volatile("" : "+v"(sum));  // keeps every step
    }
  }
  return iterations * kChains * 16 * 2;
}

}  // namespace firstlight
