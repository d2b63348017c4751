#ifndef FIRSTLIGHT_SERVER_MODELS_PARK_POLICY_H_
#define FIRSTLIGHT_SERVER_MODELS_PARK_POLICY_H_

// Which models give their memory back, as pure functions of what is known of them.
//
// A model is idle when no request is on it, nobody warms it and its policy does not pin it. One
// that has been idle for `idle_park` is parked. While memory is short, so is the one that has been
// idle longest, one at each look, as long as nobody has wanted it for kLeastIdle: a model between
// two requests of a conversation is not idle. Models that share pages share their fate: the least
// idle one decides.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace firstlight {

struct ParkCandidate {
  std::vector<const void*> mappings;  // LoadedModel::Mappings
  absl::Time last_wanted;             // by a request, a load or a warm
  bool in_use = false;                // by a request or a warm, or by its policy always
  bool parked = false;
};

inline constexpr absl::Duration kLeastIdle = absl::Seconds(10);

// Indices of those to park now, longest idle first.
std::vector<size_t> ChooseToPark(absl::Span<const ParkCandidate> candidates, absl::Time now,
                                 absl::Duration idle_park, bool memory_is_short);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_PARK_POLICY_H_
