#ifndef FIRSTLIGHT_SERVER_METRICS_MODEL_METRICS_H_
#define FIRSTLIGHT_SERVER_METRICS_MODEL_METRICS_H_

// What the metrics know of one model name: plain values.

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/generation.h"

namespace prometheus {
class Counter;
class Histogram;
}  // namespace prometheus

namespace firstlight {

// "cold", "mapped", "warm": the label residency.
absl::string_view ResidencyName(ResidencyClass residency);

// What the requests for one name record. Valid while the name exists; a request's pin sees to that.
struct ModelMetrics {
  // By ResidencyClass: cold, mapped, warm.
  template <typename T>
  using ByResidency = std::array<T, 3>;

  ByResidency<prometheus::Histogram*> time_to_first_token = {};
  ByResidency<prometheus::Histogram*> queue = {};
  ByResidency<prometheus::Histogram*> inter_token_latency_first_pass = {};
  ByResidency<prometheus::Histogram*> inter_token_latency_steady = {};
  prometheus::Counter* prompt_tokens = nullptr;
  prometheus::Counter* generated_tokens = nullptr;
};

// What a version has done since it was loaded.
struct VersionTotals {
  int64_t weights_read_bytes = 0;
  int64_t steady_tokens = 0;
  absl::Duration steady_time{};
  std::optional<absl::Time> last_used{};  // when a request last began or ended
};

// What a scrape finds of one name.
struct ModelReading {
  int64_t running = 0;  // sequences of all its versions
  int64_t waiting = 0;
  // Of the current version.
  bool detached = false;
  std::optional<absl::Time> residency_sampled{};
  std::optional<int64_t> mapped_bytes{};
  std::optional<int64_t> resident_bytes{};
  std::map<int64_t, VersionTotals> versions{};  // that are mapped
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_MODEL_METRICS_H_
