#include "engine/decoder/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace firstlight {
namespace {

// theta^(2 i / dim). In float32, one operation after the other, as transformers computes them: what
// differs in the last bit here differs by thousands of times that at the end of a long context.
std::vector<float> Periods(float theta, int64_t rotary_dim) {
  std::vector<float> periods(static_cast<size_t>(rotary_dim / 2));
  for (size_t pair = 0; pair < periods.size(); ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(rotary_dim);
    periods[pair] = std::pow(theta, exponent);
  }
  return periods;
}

// The base that stretches `trained_positions` to `prompt_tokens` (NTK-aware interpolation).
float DynamicTheta(const RopeSpec& rope, int64_t prompt_tokens) {
  if (prompt_tokens <= rope.trained_positions) return static_cast<float>(rope.theta);
  const float stretch = static_cast<float>(rope.factor) * static_cast<float>(prompt_tokens) /
                            static_cast<float>(rope.trained_positions) -
                        static_cast<float>(rope.factor - 1.0);
  const double exponent =
      static_cast<double>(rope.rotary_dim) / static_cast<double>(rope.rotary_dim - 2);
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

// Peng et al., arXiv:2309.00071: pairs that turn often keep their frequency, those that turn seldom
// are stretched by `factor`, a ramp lies between.
void ScaleByYarn(const RopeSpec& rope, const std::vector<float>& periods,
                 std::vector<float>* frequencies) {
  const auto dim = static_cast<double>(rope.rotary_dim);
  const auto pair_of = [&rope, dim](double rotations) {
    return dim *
           std::log(static_cast<double>(rope.trained_positions) /
                    (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(rope.theta));
  };
  double low = pair_of(rope.beta_fast);
  double high = pair_of(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;  // as there, against a division by nothing
  for (size_t pair = 0; pair < periods.size(); ++pair) {
    const float ramp = std::clamp(
        (static_cast<float>(pair) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F,
        1.0F);
    const float kept = 1.0F - ramp;
    (*frequencies)[pair] =
        1.0F / (static_cast<float>(rope.factor) * periods[pair]) * (1.0F - kept) +
        1.0F / periods[pair] * kept;
  }
}

}  // namespace

RopeTable ComputeRopeTable(const RopeSpec& rope, int64_t prompt_tokens) {
  const float theta = rope.type == RopeType::kDynamic ? DynamicTheta(rope, prompt_tokens)
                                                      : static_cast<float>(rope.theta);
  const std::vector<float> periods = Periods(theta, rope.rotary_dim);
  RopeTable table;
  table.attention_factor = static_cast<float>(rope.attention_factor);
  std::vector<float>& frequencies = table.inverse_frequencies;
  frequencies.resize(periods.size());
  std::transform(periods.begin(), periods.end(), frequencies.begin(),
                 [](float period) { return 1.0F / period; });
  const auto factor = static_cast<float>(rope.factor);
  switch (rope.type) {
    case RopeType::kDefault:
    case RopeType::kDynamic:
      break;
    case RopeType::kLinear:
      for (float& frequency : frequencies) frequency /= factor;
      break;
    case RopeType::kLlama3:
      for (float& frequency : frequencies) frequency = Llama3Frequency(rope, frequency);
      break;
    case RopeType::kProportional:
      for (size_t pair = 0; pair < frequencies.size(); ++pair) {
        const bool turns = static_cast<int64_t>(pair) < rope.turning_pairs;
        frequencies[pair] = turns ? frequencies[pair] / factor : 0.0F;
      }
      break;
    case RopeType::kYarn:
      ScaleByYarn(rope, periods, &frequencies);
      break;
    case RopeType::kLongrope: {
      const std::vector<double>& factors =
          prompt_tokens > rope.trained_positions ? rope.long_factor : rope.short_factor;
      for (size_t pair = 0; pair < std::min(factors.size(), periods.size()); ++pair) {
        frequencies[pair] = 1.0F / (static_cast<float>(factors[pair]) * periods[pair]);
      }
      break;
    }
  }
  if (rope.backwards) {
    for (float& frequency : frequencies) frequency = -frequency;
  }
  return table;
}

RopeFrequencies ComputeRopeFrequencies(const DecoderSpec& spec, int64_t prompt_tokens) {
  RopeFrequencies frequencies;
  frequencies.tables.reserve(spec.ropes.size());
  for (const RopeSpec& rope : spec.ropes) {
    frequencies.tables.push_back(ComputeRopeTable(rope, prompt_tokens));
  }
  return frequencies;
}

}  // namespace firstlight
