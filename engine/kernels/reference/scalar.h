#ifndef FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_SCALAR_H_
#define FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_SCALAR_H_

// What the reference kernels share: one element of a weight, the exponential, the tree of lanes.

#include <immintrin.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/kernels/exp_constants.h"
#include "engine/kernels/mxfp4.h"
#include "engine/kernels/product_layout.h"
#include "engine/kernels/weight_rows.h"

namespace firstlight::reference {

inline float LoadElement(const void* data, WeightType type, int64_t index) {
  const char* at = static_cast<const char*>(data) + index * WeightTypeBytes(type);
  if (type == WeightType::kF32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  uint16_t half;
  std::memcpy(&half, at, sizeof(half));
  return type == WeightType::kF16 ? _cvtsh_ss(half)
                                  : std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

// Of a product's weight.
inline float LoadWeight(const WeightRows& weight, int64_t row, int64_t column) {
  const int64_t index = row * weight.row_stride + column;
  if (weight.type != WeightType::kMxfp4) return LoadElement(weight.data, weight.type, index);
  const auto pair = static_cast<const uint8_t*>(weight.data)[index / 2];
  const auto scale = static_cast<const uint8_t*>(
      weight.scales)[row * weight.scale_stride + column / kMxfp4BlockElements];
  return kE2m1[index % 2 == 0 ? pair & 15 : pair >> 4] * kE8m0.values[scale];
}

inline float ExpScalar(float x) {
  if (std::isnan(x)) {
    return x;
  }
  x = std::fmin(std::fmax(x, kExpLowest), kExpHighest);
  const float n = std::nearbyint(x * kLog2E);
  const float r = std::fma(n, -kLn2Low, std::fma(n, -kLn2High, x));
  float p = kExpC6;
  p = std::fma(p, r, kExpC5);
  p = std::fma(p, r, kExpC4);
  p = std::fma(p, r, kExpC3);
  p = std::fma(p, r, kExpC2);
  p = std::fma(p, r, 1.0F);
  p = std::fma(p, r, 1.0F);
  const auto exponent = static_cast<int32_t>(n);
  const int32_t half = exponent >> 1;
  return p * std::bit_cast<float>((half + 127) << 23) *
         std::bit_cast<float>((exponent - half + 127) << 23);
}

// The tree that ends every sum. Destroys the lanes.
inline float SumLanes(float lanes[kLanes]) {
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) {
      lanes[lane] += lanes[lane + width];
    }
  }
  return lanes[0];
}

}  // namespace firstlight::reference

#endif  // FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_SCALAR_H_
