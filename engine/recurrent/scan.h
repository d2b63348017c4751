#ifndef FIRSTLIGHT_ENGINE_RECURRENT_SCAN_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_SCAN_H_

// The recurrences of recurrent_spec.h over the rows of one sequence: kScanLanes elements of a head
// (a tile of its state, [state_size, kScanLanes]) at a time, which have nothing to do with the
// others.
//
// Order. The state is updated row after row, each element by one fixed sequence of operations; sums
// over state_size run in increasing order by fused multiply-adds. So nothing depends on how the
// rows of a sequence are cut, on the rest of the pass, on workers or on the instruction set.

#include <cstdint>

namespace firstlight {

// Of one head and one sequence.
struct ScanArgs {
  int64_t rows = 0;
  int64_t state_size = 0;
  const float* key = nullptr;    // [rows, state_size]: B or k
  const float* query = nullptr;  // [rows, state_size]: C or q, scaled
  int64_t key_stride = 0;        // floats from a row to the next, of both
  float* value = nullptr;        // [rows, head_dim]: x or v; y in its place
  int64_t value_stride = 0;      // floats from a row to the next
  // Of each row, this head's: the factor by which the state decays, and the step: d, or
  // sigmoid(b).
  const float* decay = nullptr;
  const float* step = nullptr;
  int64_t step_stride = 0;  // floats from a row to the next, of both
  float skip = 0.0F;        // kMamba2: D
};

// Elements [first, first + lanes) of the head, by their tile of the state. REQUIRES: 1 <= lanes <=
// kScanLanes. Lanes beyond `lanes` hold zeros.
void ScanMamba2(const ScanArgs& args, int64_t first, int64_t lanes, float* state);
void ScanDeltaNet(const ScanArgs& args, int64_t first, int64_t lanes, float* state);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_SCAN_H_
