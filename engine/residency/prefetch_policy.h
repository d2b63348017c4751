#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_PREFETCH_POLICY_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_PREFETCH_POLICY_H_

// Who brings a model's weights into memory, and when. docs/cold_start.md compares them.

#include <cstdint>

namespace firstlight {

enum class PrefetchPolicy : uint8_t {
  // Ahead of the first pass that needs them.
  kOnRequest,
  // The same, and from the moment that the model serves, while no request wants the disk.
  kBackground,
  // The same at once, and locked in memory as far as the limit allows.
  kPinned,
  // Nobody: the workers' page faults do.
  kNone,
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_PREFETCH_POLICY_H_
