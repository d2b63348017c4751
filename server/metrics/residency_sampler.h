#ifndef FIRSTLIGHT_SERVER_METRICS_RESIDENCY_SAMPLER_H_
#define FIRSTLIGHT_SERVER_METRICS_RESIDENCY_SAMPLER_H_

// What of the models' weights is in memory, for a scrape that must not take long: a sample costs up
// to 2 ms, and a process may have hundreds of models. Each scrape takes the oldest samples anew, as
// far as its budget goes, and shows the others as they were, with their time. A version without a
// sample comes first.
//
// Thread-safe. No lock is held while a sample is taken.

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "loader/residency/residency_probe.h"

namespace firstlight {

class ResidencySampler {
 public:
  struct Options {
    // Of one call of Refresh; passed by one sample at most.
    absl::Duration budget = absl::Milliseconds(20);
    // A sample younger than this is not taken again: several may scrape.
    absl::Duration fresh = absl::Seconds(1);
    std::function<absl::Time()> now;  // REQUIRED
  };

  struct Sample {
    absl::Time time;
    ResidencySample sample;
  };

  struct Candidate {
    int64_t version = 0;  // a number is used once, over all names
    std::function<ResidencySample()> sample;
  };

  explicit ResidencySampler(Options options) : options_(std::move(options)) {}

  // The latest sample of each candidate that has one. Versions that are no candidate are forgotten.
  std::map<int64_t, Sample> Refresh(const std::vector<Candidate>& candidates);

 private:
  std::vector<const Candidate*> OldestFirst(const std::vector<Candidate>& candidates) const;

  const Options options_;
  mutable Mutex mutex_;
  std::map<int64_t, Sample> samples_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_RESIDENCY_SAMPLER_H_
