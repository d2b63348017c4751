#ifndef FIRSTLIGHT_SERVER_METRICS_SCRAPE_READER_H_
#define FIRSTLIGHT_SERVER_METRICS_SCRAPE_READER_H_

// What a scrape reads of the process: the engine's and the models' state as it is, what of the
// weights is in memory as far as a scrape has time for it (server/metrics/residency_sampler.h), and
// what the system tells of memory.

#include <memory>
#include <vector>

#include "engine/engine.h"
#include "loader/residency/memory_pressure.h"
#include "loader/residency/residency_probe.h"
#include "server/metrics/metrics.h"
#include "server/metrics/residency_sampler.h"
#include "server/models/model_registry.h"
#include "server/models/served_model.h"

namespace firstlight {

// What a version has done so far. Any thread.
VersionTotals TotalsOf(const ServedModel& model);

class ScrapeReader {
 public:
  // Both outlive the reader.
  ScrapeReader(const Engine* engine, const ModelRegistry* registry);

  // Takes 20 ms and a sample at most, besides some microseconds a model. Thread-safe.
  Metrics::Reading Read();

 private:
  void ReadResidency(const std::vector<std::shared_ptr<ServedModel>>& models,
                     Metrics::Reading* reading);

  const Engine* const engine_;
  const ModelRegistry* const registry_;
  const MemoryPressureReader memory_pressure_;
  const ResidencyProbe probe_;
  ResidencySampler sampler_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_SCRAPE_READER_H_
