#ifndef FIRSTLIGHT_BENCH_MODEL_FIGURES_H_
#define FIRSTLIGHT_BENCH_MODEL_FIGURES_H_

// What a token costs by the model's shape: the denominators of the ratios.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace firstlight {

struct ModelFigures {
  // Bytes of weights that a decode step reads: every one once, the embedding only where it is the
  // output head too.
  int64_t step_weight_bytes = 0;
  // Bytes of the KV cache that a token reads for each position before it.
  int64_t position_bytes = 0;
  // Weights of the layers' products, and of the output head: each is one multiply and one add a
  // token.
  int64_t layer_weights = 0;
  int64_t head_weights = 0;
  int64_t vocab_size = 0;
  int64_t checkpoint_bytes = 0;  // of all tensors
};

absl::StatusOr<ModelFigures> ReadModelFigures(const std::string& directory);

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_MODEL_FIGURES_H_
