#include <cmath>
#include <limits>

#include "engine/kernels/reference/reference.h"
#include "engine/kernels/reference/scalar.h"

namespace firstlight::reference {

void RmsNorm(const float* input, int64_t count, const WeightRows& weight, float weight_offset,
             float epsilon, float* output) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) {
    lanes[i % kLanes] = std::fma(input[i], input[i], lanes[i % kLanes]);
  }
  const float mean = SumLanes(lanes) / static_cast<float>(count);
  const float scale = 1.0F / std::sqrt(mean + epsilon);
  for (int64_t i = 0; i < count; ++i) {
    output[i] = (weight_offset + LoadElement(weight.data, weight.type, i)) * (input[i] * scale);
  }
}

void Rope(float* heads_data, int64_t heads, int64_t head_dim, int64_t rotary_dim,
          const float* cosine, const float* sine, RopePairing pairing) {
  const int64_t pairs = rotary_dim / 2;
  const int64_t step = pairing == RopePairing::kHalves ? 1 : 2;
  const int64_t distance = pairing == RopePairing::kHalves ? pairs : 1;
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t pair = 0; pair < pairs; ++pair) {
      float* a = heads_data + head * head_dim + pair * step;
      float* b = a + distance;
      const float rotated = std::fma(-*b, sine[pair], *a * cosine[pair]);
      *b = std::fma(*a, sine[pair], *b * cosine[pair]);
      *a = rotated;
    }
  }
}

void SiluAndMultiply(const float* gate, const float* up, int64_t count, float* output) {
  for (int64_t i = 0; i < count; ++i) {
    output[i] = gate[i] / (1.0F + ExpScalar(-gate[i])) * up[i];
  }
}

void Add(const float* input, int64_t count, float* output) {
  for (int64_t i = 0; i < count; ++i) {
    output[i] += input[i];
  }
}

void WidenRow(const void* row, WeightType type, int64_t count, float scale, float* output) {
  for (int64_t i = 0; i < count; ++i) {
    output[i] = scale * LoadElement(row, type, i);
  }
}

int64_t Argmax(const float* input, int64_t count) {
  float greatest = -std::numeric_limits<float>::infinity();
  int64_t index = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (input[i] > greatest) {
      greatest = input[i];
      index = i;
    }
  }
  return index;
}

float LogSumExp(const float* input, int64_t count) {
  const float infinity = std::numeric_limits<float>::infinity();
  float greatest = -infinity;
  for (int64_t i = 0; i < count; ++i) {
    greatest = input[i] > greatest ? input[i] : greatest;
  }
  if (greatest == -infinity) {
    return -infinity;
  }
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) {
    lanes[i % kLanes] += ExpScalar(input[i] - greatest);
  }
  return greatest + static_cast<float>(std::log(static_cast<double>(SumLanes(lanes))));
}

void Exp(const float* input, int64_t count, float* output) {
  for (int64_t i = 0; i < count; ++i) {
    output[i] = ExpScalar(input[i]);
  }
}

}  // namespace firstlight::reference
