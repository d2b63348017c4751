#ifndef FIRSTLIGHT_SERVER_METRIC_FAMILIES_H_
#define FIRSTLIGHT_SERVER_METRIC_FAMILIES_H_

// Every metric by name, type and meaning, and the series that a model has of them. The help texts
// are the definitions; docs/metrics.md says more, and a test compares names and types.

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/metrics.h"

namespace firstlight {

// Seconds, from half a millisecond to ten minutes, near 2.2 apart: a token of the smallest model
// takes less than one, a prompt that waits for a disk takes minutes.
const prometheus::Histogram::BucketBoundaries& LatencyBuckets();

// References into a registry, which outlives it.
struct MetricFamilies {
  explicit MetricFamilies(prometheus::Registry* registry);

  // Requests.
  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& time_to_first_token;
  prometheus::Family<prometheus::Histogram>& inter_token_latency;
  prometheus::Family<prometheus::Histogram>& queue;
  prometheus::Family<prometheus::Counter>& prompt_tokens;
  prometheus::Family<prometheus::Counter>& generated_tokens;
  // Room.
  prometheus::Family<prometheus::Gauge>& sequences;
  prometheus::Family<prometheus::Gauge>& sequences_limit;
  prometheus::Family<prometheus::Gauge>& kv_cache_used;
  prometheus::Family<prometheus::Gauge>& kv_cache_capacity;
  // Models.
  prometheus::Family<prometheus::Gauge>& serving;
  prometheus::Family<prometheus::Gauge>& load_seconds;
  prometheus::Family<prometheus::Histogram>& load_duration;
  prometheus::Family<prometheus::Histogram>& drain_duration;
  prometheus::Family<prometheus::Gauge>& weight_bytes;
  prometheus::Family<prometheus::Gauge>& build_info;
};

// The series of one name, from AddModel to RemoveModel. Thread-compatible.
class ModelSeries {
 public:
  ModelSeries(const MetricFamilies& families, const std::string& name);
  // Takes them away.
  ~ModelSeries();
  ModelSeries(const ModelSeries&) = delete;
  ModelSeries& operator=(const ModelSeries&) = delete;

  const ModelMetrics& metrics() const { return metrics_; }

 private:
  template <typename T, typename... Arguments>
  T* Add(prometheus::Family<T>& family, prometheus::Labels labels, Arguments&&... arguments) {
    labels.emplace("model", name_);
    T* const metric = &family.Add(labels, std::forward<Arguments>(arguments)...);
    removals_.push_back([&family, metric] { family.Remove(metric); });
    return metric;
  }

  const std::string name_;
  ModelMetrics metrics_;
  std::vector<std::function<void()>> removals_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRIC_FAMILIES_H_
