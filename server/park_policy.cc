#include "server/park_policy.h"

#include <algorithm>
#include <map>
#include <utility>

namespace firstlight {

std::vector<size_t> ChooseToPark(absl::Span<const ParkCandidate> candidates, absl::Time now,
                                 absl::Duration idle_park, bool memory_is_short) {
  // When each directory was last wanted; InfiniteFuture while it is in use.
  std::map<std::string, absl::Time> wanted;
  for (const ParkCandidate& one : candidates) {
    absl::Time& last = wanted.try_emplace(one.directory, absl::InfinitePast()).first->second;
    last = std::max(last, one.in_use ? absl::InfiniteFuture() : one.last_wanted);
  }
  std::vector<size_t> idle;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].parked && wanted.at(candidates[i].directory) != absl::InfiniteFuture()) {
      idle.push_back(i);
    }
  }
  const auto last_wanted = [&](size_t i) { return wanted.at(candidates[i].directory); };
  std::sort(idle.begin(), idle.end(), [&](size_t a, size_t b) {
    return std::pair(last_wanted(a), a) < std::pair(last_wanted(b), b);
  });
  std::vector<size_t> chosen;
  for (const size_t i : idle) {
    const absl::Duration idle_for = now - last_wanted(i);
    const bool for_memory = memory_is_short && chosen.empty() && idle_for >= kLeastIdle;
    if (idle_for >= idle_park || for_memory) chosen.push_back(i);
  }
  return chosen;
}

}  // namespace firstlight
