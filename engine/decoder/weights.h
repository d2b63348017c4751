#ifndef FIRSTLIGHT_ENGINE_DECODER_WEIGHTS_H_
#define FIRSTLIGHT_ENGINE_DECODER_WEIGHTS_H_

// Binding a checkpoint's tensors to the weight slots that a DecoderSpec calls for.
//
// Each slot is ASSIGNED (it points into the mapping; nothing is read), COPIED (with a reason) or
// TIED (it is another slot's tensor). F32, F16 and BF16 are assigned as they are, each tensor for
// itself, aligned or not. The output head is tied only where the file has none and the config ties.
// Tensors that no slot wants are reported and do no harm.
//
// Projections that a file holds as one tensor are one slot: query, key and value are one product,
// gate and up are runs of the tensor's rows. What is stored transposed is copied.

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decoder/decoder_spec.h"
#include "engine/kernels/weight_rows.h"
#include "engine/latent/latent_pass.h"
#include "engine/mixture/mixture_weights.h"
#include "engine/recurrent/recurrent_weights.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"

namespace firstlight {

struct LinearWeights {
  WeightRows weight;  // [out, in]
  WeightRows bias;    // [1, out], or absent
};

// Both absent where there is no such norm. A norm without a weight of its own has one of ones.
struct NormWeights {
  WeightRows weight;  // [1, size], or [heads, head_dim]
  WeightRows bias;    // [1, size], or absent
};

// [1, 1] each, or absent.
struct XieluWeights {
  WeightRows alpha_positive;
  WeightRows alpha_negative;
  WeightRows beta;
  WeightRows eps;
};

// All absent where layers have no input of their own.
struct PerLayerInputWeights {
  LinearWeights gate;       // [size, hidden_size]
  LinearWeights up;         // [hidden_size, size]
  NormWeights output_norm;  // hidden_size
};

struct LayerWeights {
  NormWeights input_norm;         // hidden_size
  LinearWeights query_key_value;  // [query_size + 2 key_size, hidden_size], or these three
  LinearWeights query;   // [query_size, hidden_size], twice that with OutputGate::kElements
  LinearWeights key;     // [key_size, hidden_size], absent where another layer's are used
  LinearWeights value;   // [key_size, hidden_size], absent likewise, and where keys serve
  LatentWeights latent;  // or these, in latent attention
  NormWeights query_norm;
  NormWeights key_norm;
  NormWeights value_norm;             // of ones, or absent
  WeightRows sinks;                   // [1, num_attention_heads], or absent
  LinearWeights output_gate;          // [num_attention_heads, hidden_size], or absent
  LinearWeights attention_output;     // [hidden_size, query_size]
  RecurrentWeights recurrent;         // of the layers that recur
  NormWeights attention_output_norm;  // hidden_size
  NormWeights feed_forward_norm;      // hidden_size
  // Absent where the layer is a mixture and has no MLP beside it.
  LinearWeights gate;                    // [intermediate_size, hidden_size], absent if not gated
  LinearWeights up;                      // [intermediate_size, hidden_size]
  XieluWeights xielu;                    // of that activation
  LinearWeights down;                    // [hidden_size, intermediate_size]
  MixtureWeights mixture;                // without experts where it is not
  NormWeights feed_forward_output_norm;  // hidden_size
  PerLayerInputWeights per_layer_input;
  WeightRows scalar;  // [1, 1], or absent
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
void VisitWeights(const NormWeights& norm, Visitor&& visit) {
  const auto& [weight, bias] = norm;
  visit(weight);
  visit(bias);
}

template <typename Visitor>
void VisitWeights(const LayerWeights& layer, Visitor&& visit) {
  const auto& [input_norm, query_key_value, query, key, value, latent, query_norm, key_norm,
               value_norm, sinks, output_gate, attention_output, recurrent, attention_output_norm,
               feed_forward_norm, gate, up, xielu, down, mixture, feed_forward_output_norm,
               per_layer_input, scalar] = layer;
  VisitWeights(input_norm, visit);
  for (const LinearWeights* linear : {&query_key_value, &query, &key, &value}) {
    VisitWeights(*linear, visit);
  }
  VisitWeights(latent, visit);
  VisitWeights(query_norm, visit);
  VisitWeights(key_norm, visit);
  VisitWeights(value_norm, visit);
  visit(sinks);
  VisitWeights(output_gate, visit);
  VisitWeights(attention_output, visit);
  VisitWeights(recurrent, visit);
  VisitWeights(attention_output_norm, visit);
  VisitWeights(feed_forward_norm, visit);
  VisitWeights(gate, visit);
  VisitWeights(up, visit);
  const auto& [alpha_positive, alpha_negative, beta, eps] = xielu;
  for (const WeightRows* rows : {&alpha_positive, &alpha_negative, &beta, &eps}) visit(*rows);
  VisitWeights(down, visit);
  VisitWeightsOfEveryPass(mixture, visit);
  VisitWeights(feed_forward_output_norm, visit);
  const auto& [input_gate, input_up, input_output_norm] = per_layer_input;
  VisitWeights(input_gate, visit);
  VisitWeights(input_up, visit);
  VisitWeights(input_output_norm, visit);
  visit(scalar);
}

// Points into the checkpoint's mappings and into `copies`. Movable.
struct BoundWeights {
  WeightRows embedding;                              // [vocab_size, hidden_size]
  WeightRows positions;                              // [position_rows, hidden_size], or absent
  NormWeights embedding_norm;                        // hidden_size
  WeightRows per_layer_embedding;                    // [rows, layers * size], or absent
  LinearWeights per_layer_projection;                // [layers * size, hidden_size], or absent
  NormWeights per_layer_norm;                        // size
  std::vector<LayerWeights> layers;                  // [num_hidden_layers]
  NormWeights final_norm;                            // hidden_size
  LinearWeights head;                                // [vocab_size, hidden_size]
  std::vector<std::unique_ptr<std::byte[]>> copies;  // bytes of the COPIED slots, and ones
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

// The tensor of the embedding, whichever of its names the file has it by; null where there is none.
const TensorView* FindEmbedding(const DecoderSpec& spec, const Checkpoint& checkpoint);
// The head's own weight; null where the file has none.
const TensorView* FindHead(const DecoderSpec& spec, const Checkpoint& checkpoint);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_WEIGHTS_H_
