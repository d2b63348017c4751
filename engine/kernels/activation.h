#ifndef FIRSTLIGHT_ENGINE_KERNELS_ACTIVATION_H_
#define FIRSTLIGHT_ENGINE_KERNELS_ACTIVATION_H_

// Element-wise functions between the products, beyond those with a variant for each instruction
// set: one implementation, on top of the table's exponential, so that every table gives the same
// bits. Rows are float32, contiguous and need not be aligned. Nothing blocks or fails.

#include <cstdint>

namespace firstlight {

struct Kernels;

// Names as in transformers' ACT2FN.
enum class Activation : uint8_t {
  kSilu,         // silu, swish
  kGelu,         // gelu: by the error function
  kGeluTanh,     // gelu_new, gelu_pytorch_tanh, gelu_fast
  kQuickGelu,    // x * sigmoid(1.702 x)
  kRelu,         // relu
  kReluSquared,  // relu2
  kXielu,        // Huang and Schlag, arXiv:2411.13010
};

// Of kXielu, as the sums below use them.
struct XieluParameters {
  float alpha_positive = 0.0F;
  float alpha_negative = 0.0F;
  float beta = 0.0F;
  float eps = 0.0F;
};

// row[i] = activation(row[i]) * factor[i], or without the factor where that is null.
void Activate(Activation activation, const XieluParameters& xielu, const Kernels& kernels,
              const float* factor, int64_t count, float* row);

// log(1 + exp(x)), x itself where that is the same to the eye: as torch has it.
float Softplus(float x);

// row[i] = row[i] * sigmoid(gate[i]).
void MultiplyBySigmoid(const Kernels& kernels, const float* gate, int64_t count, float* row);

// row[i] = cap * tanh(multiplier * row[i] / cap), or multiplier * row[i] where cap is 0.
void ScaleAndCap(float multiplier, float cap, const Kernels& kernels, int64_t count, float* row);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_ACTIVATION_H_
