#include "server/metrics/residency_sampler.h"

#include <map>
#include <set>

namespace firstlight {

std::map<int64_t, ResidencySampler::Sample> ResidencySampler::Refresh(
    const std::vector<Candidate>& candidates) {
  const absl::Time start = options_.now();
  for (const Candidate* const candidate : OldestFirst(candidates)) {
    const absl::Time now = options_.now();
    if (now - start >= options_.budget) break;
    const Sample sample{.time = now, .sample = candidate->sample()};
    MutexLock lock(&mutex_);
    samples_[candidate->version] = sample;
  }
  std::set<int64_t> versions;
  for (const Candidate& candidate : candidates) versions.insert(candidate.version);
  MutexLock lock(&mutex_);
  std::erase_if(samples_, [&](const auto& entry) { return !versions.contains(entry.first); });
  return samples_;
}

// Those that are due, as long as they have waited.
std::vector<const ResidencySampler::Candidate*> ResidencySampler::OldestFirst(
    const std::vector<Candidate>& candidates) const {
  const absl::Time now = options_.now();
  std::multimap<absl::Time, const Candidate*> due;
  {
    MutexLock lock(&mutex_);
    for (const Candidate& candidate : candidates) {
      const auto found = samples_.find(candidate.version);
      const absl::Time last = found == samples_.end() ? absl::InfinitePast() : found->second.time;
      if (now - last >= options_.fresh) due.emplace(last, &candidate);
    }
  }
  std::vector<const Candidate*> oldest_first;
  oldest_first.reserve(due.size());
  for (const auto& [time, candidate] : due) oldest_first.push_back(candidate);
  return oldest_first;
}

}  // namespace firstlight
