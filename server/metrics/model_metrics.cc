#include "server/metrics/model_metrics.h"

namespace firstlight {

absl::string_view ResidencyName(ResidencyClass residency) {
  switch (residency) {
    case ResidencyClass::kCold:
      return "cold";
    case ResidencyClass::kMapped:
      return "mapped";
    case ResidencyClass::kWarm:
      return "warm";
  }
  return "unknown";
}

}  // namespace firstlight
