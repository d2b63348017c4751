#ifndef FIRSTLIGHT_SERVER_METRICS_METRIC_FAMILIES_H_
#define FIRSTLIGHT_SERVER_METRICS_METRIC_FAMILIES_H_

// Every metric by name, type and meaning, but for those of server/metrics/memory_metrics.h. The
// help texts are the definitions; docs/metrics.md says more, and a test compares names and types.

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

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
  prometheus::Family<prometheus::Counter>& steady_generated_tokens;
  prometheus::Family<prometheus::Counter>& steady_decode_seconds;
  // Room.
  prometheus::Family<prometheus::Gauge>& sequences;
  prometheus::Family<prometheus::Gauge>& sequences_limit;
  prometheus::Family<prometheus::Gauge>& kv_cache_used;
  prometheus::Family<prometheus::Gauge>& kv_cache_capacity;
  // Steps.
  prometheus::Family<prometheus::Histogram>& step_gap;
  prometheus::Family<prometheus::Gauge>& longest_step_gap;
  // Models.
  prometheus::Family<prometheus::Gauge>& serving;
  prometheus::Family<prometheus::Gauge>& detached;
  prometheus::Family<prometheus::Gauge>& load_seconds;
  prometheus::Family<prometheus::Histogram>& load_duration;
  prometheus::Family<prometheus::Counter>& swaps;
  prometheus::Family<prometheus::Histogram>& swap_duration;
  prometheus::Family<prometheus::Histogram>& drain_duration;
  prometheus::Family<prometheus::Gauge>& last_used;
  prometheus::Family<prometheus::Gauge>& weight_bytes;
  // What of them is in memory.
  prometheus::Family<prometheus::Gauge>& weights_size;
  prometheus::Family<prometheus::Gauge>& weights_mapped;
  prometheus::Family<prometheus::Gauge>& weights_resident;
  prometheus::Family<prometheus::Gauge>& residency_sampled;
  prometheus::Family<prometheus::Counter>& weights_read;
  prometheus::Family<prometheus::Gauge>& residency_probe;
  prometheus::Family<prometheus::Gauge>& build_info;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_METRIC_FAMILIES_H_
