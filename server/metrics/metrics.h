#ifndef FIRSTLIGHT_SERVER_METRICS_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_METRICS_H_

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
#include "engine/scheduling/step_gaps.h"
#include "loader/base/mutex.h"
#include "loader/residency/memory_pressure.h"
#include "server/metrics/model_metrics.h"
#include "server/models/served_model.h"

namespace prometheus {
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace firstlight {

struct MetricFamilies;
class ModelSeries;

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
    std::map<std::string, ModelReading> models{};  // by name
    int64_t kv_cache_used_bytes = 0;
    int64_t kv_cache_capacity_bytes = 0;
    // How residency was found out; empty where nothing was sampled yet.
    std::string residency_method{};
    MemoryPressure memory{};
    // Keeps the versions alive until their totals have been taken over: RetireVersion comes after.
    std::vector<std::shared_ptr<const void>> pins{};
    StepGaps::Reading step_gaps{};
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
  // A version is about to be unmapped, and does nothing any more.
  void RetireVersion(const std::string& name, int64_t version, const VersionTotals& totals);
  void RemoveModel(const std::string& name);
  // Null members where the name does not exist.
  ModelMetrics ForModel(const std::string& name) const;

  void CountRequest(absl::string_view method, absl::StatusCode code);

  // A load has succeeded, whatever it was for.
  void RecordLoad(absl::Duration duration);
  // A swap of `name` has ended: OK where the name points at the new version now.
  void RecordSwap(const std::string& name, const absl::Status& status, absl::Duration duration);
  void RecordRollback(const std::string& name);
  // A version has been unmapped, `duration` after it turned DRAINING.
  void RecordDrain(absl::Duration duration);

  // The exposition, version 0.0.4.
  std::string Render();

 private:
  // What the system tells of the process, as far as it does.
  struct SystemSeries;

  ModelSeries* Find(const std::string& name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(const Reading& reading);

  const std::unique_ptr<prometheus::Registry> registry_;
  const std::unique_ptr<const MetricFamilies> families_;
  prometheus::Gauge* const kv_cache_used_;
  prometheus::Gauge* const kv_cache_capacity_;
  prometheus::Histogram* const step_gap_;
  prometheus::Gauge* const longest_step_gap_;
  prometheus::Histogram* const load_duration_;
  prometheus::Histogram* const swap_duration_;
  prometheus::Histogram* const drain_duration_;
  std::function<Reading()> reader_;

  void SetStepGaps(const StepGaps::Reading& reading) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  StepGaps::Reading step_gaps_ ABSL_GUARDED_BY(mutex_);  // what step_gap_ holds
  const std::unique_ptr<SystemSeries> system_ ABSL_PT_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<ModelSeries>> models_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_METRICS_H_
