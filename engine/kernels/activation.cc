#include "engine/kernels/activation.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/kernels.h"

namespace firstlight {
namespace {

// Elements at a time: a number that the compiler knows, so that it uses vectors.
constexpr int64_t kChunk = 128;

// x = x / (1 + exp(exponent)); `exponent` is used up.
void DivideByOnePlusExp(const Kernels& kernels, float* exponent, float* x) {
  kernels.exp(exponent, kChunk, exponent);
  for (int64_t i = 0; i < kChunk; ++i) x[i] /= 1.0F + exponent[i];
}

// x * sigmoid(scale * x).
void ScaledSilu(const Kernels& kernels, float scale, float* x) {
  alignas(64) float exponent[kChunk];
  for (int64_t i = 0; i < kChunk; ++i) exponent[i] = -scale * x[i];
  DivideByOnePlusExp(kernels, exponent, x);
}

// x / 2 * (1 + tanh(u)) is x * sigmoid(2 u), u = sqrt(2 / pi) * (x + 0.044715 x^3).
void GeluTanh(const Kernels& kernels, float* x) {
  alignas(64) float exponent[kChunk];
  for (int64_t i = 0; i < kChunk; ++i) {
    exponent[i] = -1.5957691216F * (x[i] * (1.0F + 0.044715F * (x[i] * x[i])));
  }
  DivideByOnePlusExp(kernels, exponent, x);
}

void Gelu(float* x) {
  constexpr float kRootHalf = 0.70710678118654752F;
  for (int64_t i = 0; i < kChunk; ++i) x[i] = 0.5F * x[i] * (1.0F + std::erf(x[i] * kRootHalf));
}

void Xielu(const XieluParameters& xielu, float* x) {
  for (int64_t i = 0; i < kChunk; ++i) {
    const float curved =
        x[i] > 0.0F ? xielu.alpha_positive * x[i] * x[i]
                    : (std::expm1(std::min(x[i], xielu.eps)) - x[i]) * xielu.alpha_negative;
    x[i] = curved + xielu.beta * x[i];
  }
}

void ActivateChunk(Activation activation, const XieluParameters& xielu, const Kernels& kernels,
                   float* x) {
  switch (activation) {
    case Activation::kSilu:
      ScaledSilu(kernels, 1.0F, x);
      return;
    case Activation::kGelu:
      Gelu(x);
      return;
    case Activation::kGeluTanh:
      GeluTanh(kernels, x);
      return;
    case Activation::kQuickGelu:
      ScaledSilu(kernels, 1.702F, x);
      return;
    case Activation::kRelu:
      for (int64_t i = 0; i < kChunk; ++i) x[i] = x[i] > 0.0F ? x[i] : 0.0F;
      return;
    case Activation::kReluSquared:
      for (int64_t i = 0; i < kChunk; ++i) x[i] = x[i] > 0.0F ? x[i] * x[i] : 0.0F;
      return;
    case Activation::kXielu:
      Xielu(xielu, x);
      return;
  }
}

}  // namespace

void Activate(Activation activation, const XieluParameters& xielu, const Kernels& kernels,
              const float* factor, int64_t count, float* row) {
  if (activation == Activation::kSilu && factor != nullptr) {
    kernels.silu_and_multiply(row, factor, count, row);
    return;
  }
  alignas(64) float x[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = std::min(kChunk, count - begin);
    std::copy_n(row + begin, size, x);
    std::fill(x + size, x + kChunk, 0.0F);
    ActivateChunk(activation, xielu, kernels, x);
    if (factor == nullptr) {
      std::copy_n(x, size, row + begin);
    } else {
      for (int64_t i = 0; i < size; ++i) row[begin + i] = x[i] * factor[begin + i];
    }
  }
}

float Softplus(float x) { return x > 20.0F ? x : std::log1p(std::exp(x)); }

void MultiplyBySigmoid(const Kernels& kernels, const float* gate, int64_t count, float* row) {
  alignas(64) float t[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = std::min(kChunk, count - begin);
    for (int64_t i = 0; i < size; ++i) t[i] = -gate[begin + i];
    kernels.exp(t, size, t);
    for (int64_t i = 0; i < size; ++i) row[begin + i] /= 1.0F + t[i];
  }
}

void ScaleAndCap(float multiplier, float cap, const Kernels& kernels, int64_t count, float* row) {
  if (multiplier != 1.0F) {
    for (int64_t i = 0; i < count; ++i) row[i] *= multiplier;
  }
  if (cap == 0.0F) return;
  alignas(64) float t[kChunk];
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t size = std::min(kChunk, count - begin);
    float* const x = row + begin;
    for (int64_t i = 0; i < size; ++i) t[i] = -2.0F * std::fabs(x[i] / cap);
    kernels.exp(t, size, t);
    for (int64_t i = 0; i < size; ++i) {
      x[i] = std::copysign(cap * ((1.0F - t[i]) / (1.0F + t[i])), x[i]);
    }
  }
}

}  // namespace firstlight
