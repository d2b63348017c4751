#ifndef FIRSTLIGHT_ENGINE_WEIGHTS_H_
#define FIRSTLIGHT_ENGINE_WEIGHTS_H_

// Binding a checkpoint's tensors to the weight slots that a DecoderSpec calls for.
//
// Each slot is ASSIGNED (it points into the mapping; nothing is read), COPIED (with a reason) or
// TIED (it is another slot's tensor). F32, F16 and BF16 are assigned as they are, each tensor for
// itself, aligned or not. The output head is tied only where the file has none and the config ties.
// Tensors that no slot wants are reported and do no harm.

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decoder_spec.h"
#include "engine/kernels/weight_rows.h"
#include "engine/mixture/mixture_weights.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"

namespace firstlight {

struct LinearWeights {
  WeightRows weight;  // [out, in]
  WeightRows bias;    // [1, out], or absent
};

struct LayerWeights {
  WeightRows input_norm;           // [1, hidden_size]
  LinearWeights query;             // [query_size, hidden_size]
  LinearWeights key;               // [key_value_size, hidden_size]
  LinearWeights value;             // [key_value_size, hidden_size]
  LinearWeights attention_output;  // [hidden_size, query_size]
  WeightRows post_attention_norm;  // [1, hidden_size]
  // Absent where the layer is a mixture.
  LinearWeights gate;      // [intermediate_size, hidden_size]
  LinearWeights up;        // [intermediate_size, hidden_size]
  LinearWeights down;      // [hidden_size, intermediate_size]
  MixtureWeights mixture;  // without experts where it is not
};

// Calls `visit(rows)` for every weight of a layer that every pass reads, in the order in which it
// uses them: for all but a mixture's experts. Absent ones have no data. The structured bindings
// stop compiling when a weight is added and not listed.
template <typename Visitor>
void VisitWeights(const LinearWeights& linear, Visitor&& visit) {
  const auto& [weight, bias] = linear;
  visit(weight);
  visit(bias);
}

template <typename Visitor>
void VisitWeights(const LayerWeights& layer, Visitor&& visit) {
  const auto& [input_norm, query, key, value, attention_output, post_attention_norm, gate, up, down,
               mixture] = layer;
  visit(input_norm);
  for (const LinearWeights* linear : {&query, &key, &value, &attention_output}) {
    VisitWeights(*linear, visit);
  }
  visit(post_attention_norm);
  for (const LinearWeights* linear : {&gate, &up, &down}) VisitWeights(*linear, visit);
  VisitWeightsOfEveryPass(mixture, visit);
}

// Points into the checkpoint's mappings and into `copies`. Movable.
struct BoundWeights {
  WeightRows embedding;                              // [vocab_size, hidden_size]
  std::vector<LayerWeights> layers;                  // [num_hidden_layers]
  WeightRows final_norm;                             // [1, hidden_size]
  LinearWeights head;                                // [vocab_size, hidden_size]
  std::vector<std::unique_ptr<std::byte[]>> copies;  // bytes of the COPIED slots
};

struct BindOptions {
  // Copies every weight into anonymous memory. It reads the whole checkpoint: for measuring what
  // assignment saves.
  bool copy_weights = false;
};

// Binds every slot of `spec` and fills `report`. `checkpoint` outlives the result. INVALID_ARGUMENT
// for a tensor that is missing or of the wrong shape, UNIMPLEMENTED for a dtype that the kernels
// do not read; each names file, tensor, what was expected and what was found.
absl::StatusOr<BoundWeights> BindWeights(const DecoderSpec& spec, const Checkpoint& checkpoint,
                                         const BindOptions& options, LoadReport* report);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_WEIGHTS_H_
