#include "engine/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace firstlight {
namespace {

// In float32, one operation after the other, as transformers computes them: what differs in the
// last bit here differs by thousands of times that at the end of a long context.
std::vector<float> Unscaled(float theta, int64_t head_dim) {
  std::vector<float> frequencies(static_cast<size_t>(head_dim / 2));
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(head_dim);
    frequencies[pair] = 1.0F / std::pow(theta, exponent);
  }
  return frequencies;
}

// The base that stretches `trained_positions` to `prompt_tokens` (NTK-aware interpolation).
float DynamicTheta(const RopeSpec& rope, int64_t head_dim, int64_t prompt_tokens) {
  if (prompt_tokens <= rope.trained_positions) return static_cast<float>(rope.theta);
  const float stretch = static_cast<float>(rope.factor) * static_cast<float>(prompt_tokens) /
                            static_cast<float>(rope.trained_positions) -
                        static_cast<float>(rope.factor - 1.0);
  const double exponent = static_cast<double>(head_dim) / static_cast<double>(head_dim - 2);
  return static_cast<float>(rope.theta) * std::pow(stretch, static_cast<float>(exponent));
}

// Llama 3.1: short wavelengths stay, long ones are stretched by `factor`, those between blend.
float Llama3Frequency(const RopeSpec& rope, float frequency) {
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto high = static_cast<float>(rope.high_freq_factor);
  const auto trained = static_cast<float>(rope.trained_positions);
  const float wavelength = static_cast<float>(2.0 * std::numbers::pi) / frequency;
  if (wavelength > trained / low) return frequency / factor;
  if (wavelength < trained / high) return frequency;
  const float smooth = (trained / wavelength - low) / (high - low);
  return (1.0F - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

RopeFrequencies ComputeRopeFrequencies(const RopeSpec& rope, int64_t head_dim,
                                       int64_t prompt_tokens) {
  const float theta = rope.type == RopeType::kDynamic ? DynamicTheta(rope, head_dim, prompt_tokens)
                                                      : static_cast<float>(rope.theta);
  std::vector<float> frequencies = Unscaled(theta, head_dim);
  for (float& frequency : frequencies) {
    if (rope.type == RopeType::kLinear) frequency /= static_cast<float>(rope.factor);
    if (rope.type == RopeType::kLlama3) frequency = Llama3Frequency(rope, frequency);
  }
  return RopeFrequencies{std::move(frequencies)};
}

}  // namespace firstlight
