#ifndef FIRSTLIGHT_ENGINE_SAMPLING_LOGITS_SCAN_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_LOGITS_SCAN_H_

// Passes over a whole row of logits, [vocabulary]. With 128 thousand tokens a row is half a
// megabyte and there is one for every token of every sequence, so each pass reads it once, eight
// values at a time, and sorts nothing.
//
// Pure functions; `scratch` and outputs are the caller's and keep their memory between calls.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace firstlight {

// output[i] = exp(input[i]); output may be input. Kernels::exp (engine/kernels/kernels.h) is one.
using ExpFunctionOfRow = void (*)(const float* input, int64_t count, float* output);

struct RowMaximum {
  float value = 0;        // -infinity when the row is empty or nothing in it is greater
  int32_t id = 0;         // the lowest index that has it
  bool is_valid = false;  // no NaN and no +infinity in the row, and a finite maximum
};

RowMaximum FindMaximum(absl::Span<const float> row);

// The k-th largest value of `row`, equal values counted each. REQUIRES: 1 <= k <= row.size(), no
// NaN.
float KthLargest(absl::Span<const float> row, int64_t k, std::vector<float>* scratch);

// Replaces `ids` by those with row[id] >= threshold, ascending.
void FindAtLeast(absl::Span<const float> row, float threshold, std::vector<int32_t>* ids);

// Sum of the row in double precision, in one order that the row's length decides: four lanes.
double SumOf(absl::Span<const float> row);

// output[i] = (row[i] - maximum) * inverse_temperature. output is [row.size()].
void ShiftAndScale(absl::Span<const float> row, float maximum, float inverse_temperature,
                   float* output);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_LOGITS_SCAN_H_
