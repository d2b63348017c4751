#ifndef FIRSTLIGHT_SERVER_METRICS_MEMORY_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_MEMORY_METRICS_H_

// How short of memory the process is, as metrics.
//
// Thread-compatible.

#include "loader/residency/memory_pressure.h"
#include "server/metrics/optional_series.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace firstlight {

class MemoryMetrics {
 public:
  // Its families are added to `registry`, which outlives this.
  explicit MemoryMetrics(prometheus::Registry* registry);

  void Set(const MemoryPressure& pressure);

 private:
  OptionalSeries<prometheus::Gauge> limit_;
  OptionalSeries<prometheus::Gauge> used_;
  OptionalSeries<prometheus::Counter> limit_hits_;
  OptionalSeries<prometheus::Counter> page_refaults_;
  OptionalSeries<prometheus::Counter> oom_kills_;
  prometheus::Family<prometheus::Counter>* const pressure_;
  OptionalSeries<prometheus::Counter> some_;
  OptionalSeries<prometheus::Counter> full_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_MEMORY_METRICS_H_
