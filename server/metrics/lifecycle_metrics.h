#ifndef FIRSTLIGHT_SERVER_METRICS_LIFECYCLE_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_LIFECYCLE_METRICS_H_

// What the registry's changes are in metrics: the series of a model come and go with its name, a
// load counts when a LOADING version turns ACTIVE, a drain when a DRAINING one is gone.
//
// Thread-compatible: the registry calls a listener once at a time.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "absl/time/time.h"
#include "server/metrics/metrics.h"
#include "server/models/model_catalog.h"

namespace firstlight {

class LifecycleMetrics {
 public:
  // `metrics` outlives this.
  LifecycleMetrics(Metrics* metrics, std::function<absl::Time()> now);

  void OnModelChange(const ModelChange& change);

 private:
  struct Version {
    bool loading = false;
    std::optional<absl::Time> draining_since;
  };

  void OnRemoved(const ModelChange& change);

  Metrics* const metrics_;
  const std::function<absl::Time()> now_;
  std::map<int64_t, Version> versions_;  // that exist; a number is used once, over all names
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_LIFECYCLE_METRICS_H_
