#include "engine/mixture/gated_activation.h"

#include <algorithm>
#include <array>

#include "engine/kernels/activation.h"

namespace firstlight {
namespace {

void ClampedSwiglu(const SwigluClamp& clamp, const Kernels& kernels, int64_t count, const float* up,
                   float* gate) {
  const auto alpha = static_cast<float>(clamp.alpha);
  const auto limit = static_cast<float>(clamp.limit);
  std::array<float, 256> powers;
  for (int64_t begin = 0; begin < count; begin += static_cast<int64_t>(powers.size())) {
    const int64_t end = std::min(begin + static_cast<int64_t>(powers.size()), count);
    for (int64_t i = begin; i < end; ++i) {
      gate[i] = gate[i] > limit ? limit : gate[i];  // a NaN stays
      powers[static_cast<size_t>(i - begin)] = gate[i] * -alpha;
    }
    kernels.exp(powers.data(), end - begin, powers.data());
    for (int64_t i = begin; i < end; ++i) {
      const float linear = up[i] > limit ? limit : up[i] < -limit ? -limit : up[i];
      const float glu = gate[i] / (1.0F + powers[static_cast<size_t>(i - begin)]);
      gate[i] = (linear + 1.0F) * glu;
    }
  }
}

}  // namespace

void ActivateExpert(const MixtureSpec& spec, const Kernels& kernels, int64_t count, const float* up,
                    float* gate) {
  switch (spec.activation) {
    case GatedActivation::kSwiglu:
      kernels.silu_and_multiply(gate, up, count, gate);
      return;
    case GatedActivation::kClampedSwiglu:
      ClampedSwiglu(spec.clamp, kernels, count, up, gate);
      return;
    case GatedActivation::kGeglu:
      Activate(Activation::kGeluTanh, XieluParameters(), kernels, up, count, gate);
      return;
    case GatedActivation::kReluSquared:
      Activate(Activation::kReluSquared, {}, kernels, nullptr, count, gate);
      return;
  }
}

}  // namespace firstlight
