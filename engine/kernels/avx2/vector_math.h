#ifndef FIRSTLIGHT_ENGINE_KERNELS_AVX2_VECTOR_MATH_H_
#define FIRSTLIGHT_ENGINE_KERNELS_AVX2_VECTOR_MATH_H_

// What the AVX2 kernels share: the exponential, sixteen lanes as two registers, parts of a row.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "engine/kernels/exp_constants.h"
#include "engine/kernels/product_layout.h"
#include "engine/kernels/weight_rows.h"

namespace firstlight::avx2 {

constexpr int64_t kWidth = 8;

inline __m256 Splat(float value) { return _mm256_set1_ps(value); }

// exp_constants.h.
inline __m256 Exp(__m256 x) {
  // The second operand of min and max is what remains of a NaN: x.
  x = _mm256_min_ps(Splat(kExpHighest), _mm256_max_ps(Splat(kExpLowest), x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, Splat(kLog2E)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fmadd_ps(n, Splat(-kLn2High), x);
  r = _mm256_fmadd_ps(n, Splat(-kLn2Low), r);
  __m256 p = _mm256_fmadd_ps(Splat(kExpC6), r, Splat(kExpC5));
  p = _mm256_fmadd_ps(p, r, Splat(kExpC4));
  p = _mm256_fmadd_ps(p, r, Splat(kExpC3));
  p = _mm256_fmadd_ps(p, r, Splat(kExpC2));
  p = _mm256_fmadd_ps(p, r, Splat(1.0F));
  p = _mm256_fmadd_ps(p, r, Splat(1.0F));
  const __m256i exponent = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(exponent, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i low = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i high =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(exponent, half), bias), 23);
  p = _mm256_mul_ps(p, _mm256_castsi256_ps(low));
  return _mm256_mul_ps(p, _mm256_castsi256_ps(high));
}

// The tree of product.h over lanes 0 to 7 in `low` and 8 to 15 in `high`.
inline float SumLanes(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float MaxOf(__m256 values) {
  __m128 most = _mm_max_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
  most = _mm_max_ps(most, _mm_movehl_ps(most, most));
  return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)));
}

// 8 elements of a stored row, widened.
inline __m256 LoadWeights(const void* at, WeightType type) {
  if (type == WeightType::kF32) {
    return _mm256_loadu_ps(static_cast<const float*>(at));
  }
  const __m128i halves = _mm_loadu_si128(static_cast<const __m128i*>(at));
  return type == WeightType::kF16
             ? _mm256_cvtph_ps(halves)
             : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

// The last elements of a row, fewer than 8, with `fill` behind them. Not through a masked load: a
// copy of a known few bytes is what AVX2 does for every element size.
inline __m256 LoadRest(const float* at, int64_t count, float fill) {
  alignas(32) float padded[kWidth];
  _mm256_store_ps(padded, Splat(fill));
  std::memcpy(padded, at, count * sizeof(float));
  return _mm256_load_ps(padded);
}

inline __m256 LoadWeightsRest(const void* at, WeightType type, int64_t count) {
  alignas(32) char padded[kWidth * sizeof(float)] = {};
  std::memcpy(padded, at, count * WeightTypeBytes(type));
  return LoadWeights(padded, type);
}

inline void StoreRest(float* at, int64_t count, __m256 values) {
  alignas(32) float padded[kWidth];
  _mm256_store_ps(padded, values);
  std::memcpy(at, padded, count * sizeof(float));
}

}  // namespace firstlight::avx2

#endif  // FIRSTLIGHT_ENGINE_KERNELS_AVX2_VECTOR_MATH_H_
