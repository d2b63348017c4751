#ifndef FIRSTLIGHT_SERVER_METRICS_MODEL_SERIES_H_
#define FIRSTLIGHT_SERVER_METRICS_MODEL_SERIES_H_

// The series of one model name: all of them are there from its load to its unload, but for those
// whose value is not known.
//
// Thread-compatible, but for what metrics() points at, which is thread-safe.

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/metrics/metric_families.h"
#include "server/metrics/model_metrics.h"
#include "server/metrics/optional_series.h"
#include "server/models/served_model.h"

namespace firstlight {

class ModelSeries {
 public:
  // `families` outlive this.
  ModelSeries(const MetricFamilies& families, std::string name);
  // Takes them away.
  ~ModelSeries();
  ModelSeries(const ModelSeries&) = delete;
  ModelSeries& operator=(const ModelSeries&) = delete;

  const ModelMetrics& metrics() const { return metrics_; }

  // The current version has changed.
  void SetFacts(const ModelFacts& facts, absl::Duration load_time);
  void SetServing(bool serving);
  void CountSwap(const absl::Status& status);
  void CountRollback();

  // What a scrape has found. Counters add up over versions; of each only what is new is added.
  void Set(const ModelReading& reading);
  // The last totals of a version: no reading has it after this.
  void RetireVersion(int64_t version, const VersionTotals& totals);

 private:
  template <typename T, typename... Arguments>
  T* Add(prometheus::Family<T>& family, prometheus::Labels labels, Arguments&&... arguments) {
    labels.emplace("model", name_);
    T* const metric = &family.Add(labels, std::forward<Arguments>(arguments)...);
    removals_.push_back([&family, metric] { family.Remove(metric); });
    return metric;
  }
  ModelMetrics::ByResidency<prometheus::Histogram*> AddByResidency(
      prometheus::Family<prometheus::Histogram>& family, const prometheus::Labels& labels);
  void AddTotals(int64_t version, const VersionTotals& totals);

  const std::string name_;
  std::vector<std::function<void()>> removals_;
  ModelMetrics metrics_;
  prometheus::Gauge* const running_;
  prometheus::Gauge* const waiting_;
  prometheus::Gauge* const serving_;
  prometheus::Gauge* const detached_;
  prometheus::Gauge* const load_seconds_;
  prometheus::Counter* const switched_;
  prometheus::Counter* const rolled_back_;
  prometheus::Counter* const failed_;
  prometheus::Counter* const cancelled_;
  prometheus::Gauge* const assigned_bytes_;
  prometheus::Gauge* const copied_bytes_;
  prometheus::Gauge* const tied_bytes_;
  prometheus::Gauge* const weights_size_;
  prometheus::Counter* const weights_read_;
  prometheus::Counter* const steady_tokens_;
  prometheus::Counter* const steady_seconds_;
  OptionalSeries<prometheus::Gauge> last_used_;
  OptionalSeries<prometheus::Gauge> weights_mapped_;
  OptionalSeries<prometheus::Gauge> weights_resident_;
  OptionalSeries<prometheus::Gauge> residency_sampled_;
  std::map<int64_t, VersionTotals> counted_;  // of each version that is mapped
  std::optional<absl::Time> last_use_;        // of any version
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_MODEL_SERIES_H_
