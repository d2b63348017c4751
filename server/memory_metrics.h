#ifndef FIRSTLIGHT_SERVER_MEMORY_METRICS_H_
#define FIRSTLIGHT_SERVER_MEMORY_METRICS_H_

// How short of memory the process is, as metrics. A series exists while the system tells its value:
// what is not known is absent, never 0.
//
// Thread-compatible.

#include <map>
#include <optional>
#include <string>

#include "loader/residency/memory_pressure.h"

namespace prometheus {
class Counter;
class Gauge;
class Registry;
template <typename T>
class Family;
}  // namespace prometheus

namespace firstlight {

class MemoryMetrics {
 public:
  // Its families are added to `registry`, which outlives this.
  explicit MemoryMetrics(prometheus::Registry* registry);
  ~MemoryMetrics();
  MemoryMetrics(const MemoryMetrics&) = delete;
  MemoryMetrics& operator=(const MemoryMetrics&) = delete;

  void Set(const MemoryPressure& pressure);

 private:
  // One series.
  template <typename Metric>
  struct Series {
    prometheus::Family<Metric>& family;
    std::map<std::string, std::string> labels{};
    Metric* metric = nullptr;  // while its value is told

    void Set(std::optional<double> value);
  };

  Series<prometheus::Gauge> limit_;
  Series<prometheus::Gauge> used_;
  Series<prometheus::Counter> limit_hits_;
  Series<prometheus::Counter> page_refaults_;
  Series<prometheus::Counter> oom_kills_;
  Series<prometheus::Counter> some_;
  Series<prometheus::Counter> full_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MEMORY_METRICS_H_
