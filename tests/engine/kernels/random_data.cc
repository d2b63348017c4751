#include "tests/engine/kernels/random_data.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace firstlight {
namespace {

// IEEE binary16, spelled out so that the test does not lean on the instruction under test.
float WidenHalf(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = mantissa == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

// A stored element of about normal distribution and its exact value.
uint32_t RandomElement(std::mt19937& random, WeightType type, float* widened) {
  const float value = std::normal_distribution<float>(0.0F, 0.25F)(random);
  const auto bits = std::bit_cast<uint32_t>(value);
  if (type == WeightType::kF32) {
    *widened = value;
    return bits;
  }
  if (type == WeightType::kBF16) {
    *widened = std::bit_cast<float>(bits & 0xFFFF0000U);
    return bits >> 16;
  }
  // Sign and mantissa at random, exponents from subnormal to 2^0.
  const auto half = static_cast<uint16_t>((random() & 0x83FFU) | ((random() % 16) << 10));
  *widened = WidenHalf(half);
  return half;
}

}  // namespace

AlignedFloats::AlignedFloats(int64_t count)
    : storage_(std::make_unique<float[]>(count + 16)), data_(storage_.get()) {
  const auto offset = reinterpret_cast<uintptr_t>(data_) % 64 / sizeof(float);
  data_ += (16 - offset) % 16;
}

std::vector<float> RandomFloats(std::mt19937& random, int64_t count, float spread) {
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> floats(count);
  for (float& value : floats) {
    value = normal(random);
  }
  return floats;
}

StoredWeight::StoredWeight(std::mt19937& random, WeightType type, int64_t rows, int64_t columns,
                           int64_t gap, int64_t misalignment)
    : widened_(rows * columns) {
  const int64_t element = WeightTypeBytes(type);
  const int64_t stride = columns + gap;
  bytes_.assign(rows * stride * element + misalignment, std::byte{0xFF});
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const uint32_t bits = RandomElement(random, type, &widened_[row * columns + column]);
      std::memcpy(&bytes_[misalignment + (row * stride + column) * element], &bits, element);
    }
  }
  rows_ = {.data = bytes_.data() + misalignment,
           .type = type,
           .rows = rows,
           .columns = columns,
           .row_stride = stride};
}

std::vector<const Kernels*> VectorKernels() {
  std::vector<const Kernels*> tables;
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
    if (IsaSupported(isa)) {
      tables.push_back(*SelectKernels(isa));
    }
  }
  return tables;
}

const Kernels& ReferenceKernels() { return **SelectKernels(Isa::kReference); }

bool SameBits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace firstlight
