#ifndef FIRSTLIGHT_SERVER_METRICS_EXPOSITION_H_
#define FIRSTLIGHT_SERVER_METRICS_EXPOSITION_H_

// Prometheus' text format, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
//
// A model has hundreds of series and a process hundreds of models: a scrape writes some five
// megabytes beside an engine that uses every core, so what a line costs counts. prometheus-cpp's
// own serializer takes seven times as long (docs/metrics.md has the figures).

#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}  // namespace prometheus

namespace firstlight {

// Counters, gauges and histograms, families in the order given; one without a series is left out.
// Any thread.
std::string ExposeText(const std::vector<prometheus::MetricFamily>& families);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_EXPOSITION_H_
