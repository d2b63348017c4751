#ifndef FIRSTLIGHT_LOADER_LOAD_REPORT_H_
#define FIRSTLIGHT_LOADER_LOAD_REPORT_H_

// What became of each tensor of a checkpoint when it was bound to a model. The engine fills it,
// `firstlight inspect` prints it, the admin service and the metrics quote its totals.
//
// Plain data, copyable.

#include <cstdint>
#include <string>
#include <vector>

#include "loader/dtype.h"
#include "loader/tensor_view.h"

namespace firstlight {

enum class Disposition : uint8_t {
  kAssigned,  // the slot points into the mapping; nothing was read
  kCopied,    // the bytes were read into memory of our own; `detail` says why
  kTied,      // the slot is another slot's tensor, which `detail` names
};

// "assigned", "copied", "tied": also the label values of the metric `weight_bytes`.
std::string DispositionName(Disposition disposition);

struct LoadReport {
  // A weight slot of the model that has been bound.
  struct Slot {
    std::string slot;    // what the model calls it
    std::string tensor;  // what the file calls it
    DType dtype = DType::kF32;
    Shape shape = {};
    int64_t bytes = 0;
    Disposition disposition = Disposition::kAssigned;
    std::string detail = {};
  };
  // A weight slot for which no tensor was found.
  struct Missing {
    std::string slot;
    std::string tensor;  // the name that was looked for
  };
  // A tensor that no slot wanted.
  struct Unexpected {
    std::string tensor;
    DType dtype = DType::kF32;
    Shape shape = {};
    int64_t bytes = 0;
  };
  struct Totals {
    int64_t assigned_bytes = 0;
    int64_t copied_bytes = 0;
    int64_t tied_bytes = 0;  // of slots; a tied tensor's bytes count as its owner's, too
    int64_t unexpected_bytes = 0;
  };

  std::vector<Slot> slots;  // in the order of execution
  std::vector<Missing> missing;
  std::vector<Unexpected> unexpected;

  Totals ComputeTotals() const;

  // A table for people: a line a tensor, then the totals. Ends with a newline.
  std::string ToText() const;
  // One JSON object: {"slots":[…],"missing":[…],"unexpected":[…],"totals":{…}}.
  std::string ToJson() const;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_LOAD_REPORT_H_
