#ifndef FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_WEIGHTS_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_WEIGHTS_H_

// The weights of a recurrent layer, as views. Absent where the spec has no such weight.

#include "engine/kernels/weight_rows.h"

namespace firstlight {

struct RecurrentWeights {
  // kShortConvolution: b, c, x, each [hidden_size, hidden_size]. kMamba2: z and the channels and
  // dt. kDeltaNet: the channels, or, grouped, those and z.
  WeightRows input;
  WeightRows input_bias;  // [1, rows of input]
  // kDeltaNet.
  WeightRows input_z;      // [inner_size, hidden_size], unless grouped
  WeightRows input_b;      // [heads, hidden_size], or, grouped, b and a: [2 heads, hidden_size]
  WeightRows input_a;      // [heads, hidden_size], unless grouped
  WeightRows convolution;  // [channels, kernel]
  WeightRows convolution_bias;  // [1, channels]
  WeightRows dt_bias;           // [1, heads]
  WeightRows a_log;             // [1, heads]
  WeightRows d;                 // [1, heads]; kMamba2
  WeightRows norm;              // [1, inner_size]; kDeltaNet: [1, head_dim]
  WeightRows output;            // [hidden_size, inner_size]
  WeightRows output_bias;       // [1, hidden_size]
};

// Calls `visit(rows)` for every weight, in the order of their use.
template <typename Visitor>
void VisitWeights(const RecurrentWeights& recurrent, Visitor&& visit) {
  const auto& [input, input_bias, input_z, input_b, input_a, convolution, convolution_bias, dt_bias,
               a_log, d, norm, output, output_bias] = recurrent;
  for (const WeightRows* rows :
       {&input, &input_bias, &input_z, &input_b, &input_a, &convolution, &convolution_bias,
        &dt_bias, &a_log, &d, &norm, &output, &output_bias}) {
    visit(*rows);
  }
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_WEIGHTS_H_
