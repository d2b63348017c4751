#ifndef FIRSTLIGHT_ENGINE_DECODER_PER_LAYER_INPUT_SPEC_H_
#define FIRSTLIGHT_ENGINE_DECODER_PER_LAYER_INPUT_SPEC_H_

// What a layer is told of its token beside the residual stream, as data (transformers' gemma4 calls
// it per-layer embeddings). With a token's embedding h, before the first layer:
//
//   input[layer] = (norm(projection[layer] h / sqrt(hidden_size)) + sqrt(size) * row[layer]) /
//   sqrt(2)
//
// where the row is the token's in a second table, and behind each layer's feed-forward:
//
//   hidden += norm'(up(activation(gate(hidden)) * input[layer]))

#include <cstdint>
#include <string>
#include <string_view>

namespace firstlight {

// Names of tensors, without ".weight".
struct PerLayerInputNames {
  std::string embedding = "embed_tokens_per_layer";
  std::string projection = "per_layer_model_projection";
  std::string norm = "per_layer_projection_norm";
  std::string gate = "per_layer_input_gate";  // of a layer, as the following
  std::string up = "per_layer_projection";
  std::string output_norm = "post_per_layer_input_norm";

  friend bool operator==(const PerLayerInputNames&, const PerLayerInputNames&) = default;
};

struct PerLayerInputSpec {
  int64_t size = 0;  // of a layer's input; 0: there is none
  int64_t rows = 0;  // of the second table, as many as tokens or more
  PerLayerInputNames names;

  bool enabled() const { return size > 0; }

  friend bool operator==(const PerLayerInputSpec&, const PerLayerInputSpec&) = default;
};

// Calls `visit(name, field)` for every field, as VisitFields of a DecoderSpec does.
template <typename Visitor>
void VisitFields(PerLayerInputSpec& spec, Visitor&& visit) {
  auto& [size, rows, names] = spec;
  visit(std::string_view("per_layer_input.size"), size);
  visit(std::string_view("per_layer_input.rows"), rows);
  auto& [embedding, projection, norm, gate, up, output_norm] = names;
  visit(std::string_view("per_layer_input.names.embedding"), embedding);
  visit(std::string_view("per_layer_input.names.projection"), projection);
  visit(std::string_view("per_layer_input.names.norm"), norm);
  visit(std::string_view("per_layer_input.names.gate"), gate);
  visit(std::string_view("per_layer_input.names.up"), up);
  visit(std::string_view("per_layer_input.names.output_norm"), output_norm);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_PER_LAYER_INPUT_SPEC_H_
