#ifndef FIRSTLIGHT_SERVER_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_H_

// The metrics of the process, in Prometheus' text format. docs/metrics.md describes each; a test
// compares the two.
//
// Every series of a model exists from its load to its unload, so that rates start at zero and
// nothing lingers. What is a state rather than an event (cache in use, sequences) is read when
// somebody scrapes. Thread-safe; recording takes a short lock of one series.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "loader/residency/memory_pressure.h"
#include "server/served_model.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace firstlight {

struct MetricFamilies;
class MemoryMetrics;
class ModelSeries;

// The series of one name. Valid while the name exists; a request's pin sees to that.
struct ModelMetrics {
  prometheus::Histogram* time_to_first_token = nullptr;
  prometheus::Histogram* inter_token_latency = nullptr;
  prometheus::Histogram* queue = nullptr;
  prometheus::Counter* prompt_tokens = nullptr;
  prometheus::Counter* generated_tokens = nullptr;
  prometheus::Gauge* running = nullptr;
  prometheus::Gauge* waiting = nullptr;
  prometheus::Gauge* serving = nullptr;
  prometheus::Gauge* load_seconds = nullptr;
  prometheus::Gauge* assigned_bytes = nullptr;
  prometheus::Gauge* copied_bytes = nullptr;
  prometheus::Gauge* tied_bytes = nullptr;
};

class Metrics {
 public:
  struct Options {
    std::string isa;
    std::vector<std::string> methods;  // whose requests_total exist from the start, with every code
    int64_t max_sequences = 0;
    int64_t max_queue = 0;
  };

  // What is read at a scrape.
  struct Reading {
    struct Sequences {
      int64_t running = 0;
      int64_t waiting = 0;
    };
    std::map<std::string, Sequences> sequences;  // by name
    int64_t kv_cache_used_bytes = 0;
    int64_t kv_cache_capacity_bytes = 0;
    MemoryPressure memory;
  };

  explicit Metrics(const Options& options);
  ~Metrics();

  // Called before each scrape; must not block for long. Set once, before the first scrape.
  void SetReader(std::function<Reading()> reader);

  // Creates the series of a name; no effect when they exist.
  void AddModel(const std::string& name);
  // The current version has changed.
  void SetModelFacts(const std::string& name, const ModelFacts& facts, absl::Duration load_time);
  void SetServing(const std::string& name, bool serving);
  void RemoveModel(const std::string& name);
  // Null members where the name does not exist.
  ModelMetrics ForModel(const std::string& name) const;

  void CountRequest(absl::string_view method, absl::StatusCode code);

  // A load has succeeded, whatever it was for.
  void RecordLoad(absl::Duration duration);
  // A version has been unmapped, `duration` after it turned DRAINING.
  void RecordDrain(absl::Duration duration);

  // The exposition, version 0.0.4.
  std::string Render();

 private:
  const std::unique_ptr<prometheus::Registry> registry_;
  const std::unique_ptr<const MetricFamilies> families_;
  prometheus::Gauge* const kv_cache_used_;
  prometheus::Gauge* const kv_cache_capacity_;
  prometheus::Histogram* const load_duration_;
  prometheus::Histogram* const drain_duration_;
  std::function<Reading()> reader_;

  mutable Mutex mutex_;
  const std::unique_ptr<MemoryMetrics> memory_ ABSL_PT_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<const ModelSeries>> models_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_H_
