#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_REQUEST_RESIDENCY_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_REQUEST_RESIDENCY_H_

// Whether a request was cold, mapped or warm, by what it paid and not by its being the first.

#include <cstdint>

#include "engine/generation.h"
#include "engine/residency/model_residency.h"
#include "engine/workers/fault_costs.h"

namespace firstlight {

// `paid` between the request's leaving the queue and its first token, `before` at the beginning of
// that time, `needed_bytes`: of the mapped weights that a pass reads.
RequestResidency MeasureResidency(const FaultCosts& paid, const WeightShares& before,
                                  int64_t needed_bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_REQUEST_RESIDENCY_H_
