#include "server/models/park_policy.h"

#include <algorithm>
#include <map>
#include <utility>

namespace firstlight {

std::vector<size_t> ChooseToPark(absl::Span<const ParkCandidate> candidates, absl::Time now,
                                 absl::Duration idle_park, bool memory_is_short) {
  // When each mapping and model was last wanted; InfiniteFuture while it is in use.
  const auto own = [](const ParkCandidate& one) {
    return one.in_use ? absl::InfiniteFuture() : one.last_wanted;
  };
  std::map<const void*, absl::Time> mapping_wanted;
  for (const ParkCandidate& one : candidates) {
    for (const void* const mapping : one.mappings) {
      absl::Time& last = mapping_wanted.try_emplace(mapping, absl::InfinitePast()).first->second;
      last = std::max(last, own(one));
    }
  }
  std::vector<absl::Time> wanted;
  std::vector<size_t> idle;
  for (const ParkCandidate& one : candidates) {
    absl::Time last = own(one);
    for (const void* const mapping : one.mappings) last = std::max(last, mapping_wanted[mapping]);
    if (!one.parked && last != absl::InfiniteFuture()) idle.push_back(wanted.size());
    wanted.push_back(last);
  }
  std::sort(idle.begin(), idle.end(),
            [&](size_t a, size_t b) { return std::pair(wanted[a], a) < std::pair(wanted[b], b); });
  std::vector<size_t> chosen;
  for (const size_t i : idle) {
    const absl::Duration idle_for = now - wanted[i];
    const bool for_memory = memory_is_short && chosen.empty() && idle_for >= kLeastIdle;
    if (idle_for >= idle_park || for_memory) chosen.push_back(i);
  }
  return chosen;
}

}  // namespace firstlight
