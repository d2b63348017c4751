#include "engine/residency/request_residency.h"

namespace firstlight {
namespace {

// From here on the weights that were missing count.
constexpr double kNoticeableShare = 0.01;

}  // namespace

RequestResidency MeasureResidency(const FaultCosts& paid, const WeightShares& before,
                                  int64_t needed_bytes) {
  RequestResidency residency{.residency = ResidencyClass::kWarm,
                             .storage_bytes_read = paid.storage_bytes,
                             .major_faults = paid.major_faults,
                             .minor_faults = paid.minor_faults,
                             .mapped_before = before.mapped,
                             .resident_before = before.resident};
  const double read = static_cast<double>(paid.storage_bytes);
  // Minor faults do not tell what had to be mapped: one maps up to sixteen pages, and the first
  // touch of a KV cache block is one, too.
  if (needed_bytes > 0 && read >= kNoticeableShare * static_cast<double>(needed_bytes)) {
    residency.residency = ResidencyClass::kCold;
  } else if (before.mapped.has_value() && 1.0 - *before.mapped >= kNoticeableShare) {
    residency.residency = ResidencyClass::kMapped;
  }
  return residency;
}

}  // namespace firstlight
