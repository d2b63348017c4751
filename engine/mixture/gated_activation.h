#ifndef FIRSTLIGHT_ENGINE_MIXTURE_GATED_ACTIVATION_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_GATED_ACTIVATION_H_

// What a mixture's experts make of gate and up. Element by element, the same bits from every
// instruction set.

#include <cstdint>

#include "engine/kernels/kernels.h"
#include "engine/mixture/mixture_spec.h"

namespace firstlight {

// gate[i] = the activation of gate[i] and up[i]. Both are [count]. Where experts have no gate, up's
// values are in its place, and `up` is not read.
void ActivateExpert(const MixtureSpec& spec, const Kernels& kernels, int64_t count, const float* up,
                    float* gate);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_GATED_ACTIVATION_H_
