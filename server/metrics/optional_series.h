#ifndef FIRSTLIGHT_SERVER_METRICS_OPTIONAL_SERIES_H_
#define FIRSTLIGHT_SERVER_METRICS_OPTIONAL_SERIES_H_

// One series that exists while its value is known: what is not known is absent, never 0.
//
// Thread-compatible.

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>

#include <optional>
#include <type_traits>
#include <utility>

namespace firstlight {

// Metric: prometheus::Gauge, or prometheus::Counter for what somebody else counts. Where that
// starts again from zero, so does the series.
template <typename Metric>
class OptionalSeries {
 public:
  // `family` outlives this.
  OptionalSeries(prometheus::Family<Metric>* family, prometheus::Labels labels)
      : family_(family), labels_(std::move(labels)) {}
  ~OptionalSeries() { Remove(); }
  OptionalSeries(const OptionalSeries&) = delete;
  OptionalSeries& operator=(const OptionalSeries&) = delete;

  void Set(std::optional<double> value) {
    if (!value.has_value()) return Remove();
    if constexpr (std::is_same_v<Metric, prometheus::Gauge>) {
      Get().Set(*value);
    } else {
      if (*value < Get().Value()) Remove();
      Get().Increment(*value - Get().Value());
    }
  }

 private:
  Metric& Get() {
    if (metric_ == nullptr) metric_ = &family_->Add(labels_);
    return *metric_;
  }
  void Remove() {
    if (metric_ != nullptr) family_->Remove(std::exchange(metric_, nullptr));
  }

  prometheus::Family<Metric>* const family_;
  const prometheus::Labels labels_;
  Metric* metric_ = nullptr;  // while it exists
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_METRICS_OPTIONAL_SERIES_H_
