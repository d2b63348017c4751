// Granite 4 (IBM; transformers' models/granitemoehybrid): Granite whose layers attend or are
// Mamba-2, with a mixture of experts beside the MLP that every token has, or with that alone.

#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "engine/architectures/recurrent_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGraniteMoeHybridConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t experts, ReadInteger(config, "num_local_experts", 8, 0,
                                                                 MixtureLimits::kExperts));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t shared_size,
      ReadInteger(config, "shared_intermediate_size", 1024, 1, SizeLimits::kIntermediate));
  ModelConfig model;
  if (experts > 0) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(model, ReadGraniteMoeConfig(config));
    model.spec.mixture.shared_intermediate_size = shared_size;
    model.spec.mixture.names.shared_gate_up = "shared_mlp.input_linear";
    model.spec.mixture.names.shared_down = "shared_mlp.output_linear";
  } else {
    FIRSTLIGHT_ASSIGN_OR_RETURN(model, ReadGraniteConfig(config));
    model.spec.feed_forward.bias = false;
    model.spec.feed_forward.layout = GateUpLayout::kConcatenated;
    model.spec.intermediate_size = shared_size;
    model.spec.names.gate_up = "shared_mlp.input_linear";
    model.spec.names.down = "shared_mlp.output_linear";
  }
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view positions,
                              config.GetString("position_embedding_type", "none"));
  const LayerKind attends = {.rope = positions == "rope" ? 0 : -1};
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<std::string_view> types,
      ReadLayerTypes(config, spec.num_hidden_layers, {"linear_attention", "full_attention"},
                     [](int64_t /*layer*/) { return std::string_view("linear_attention"); }));
  std::vector<LayerKind> layers;
  bool recurs = false;
  for (const std::string_view type : types) {
    const bool full = type == "full_attention";
    recurs = recurs || !full;
    layers.push_back(full ? attends : LayerKind{.rope = -1, .mixer = Mixer::kRecurrence});
  }
  SetLayerKinds(layers, &spec);
  if (recurs) FIRSTLIGHT_RETURN_IF_ERROR(ReadMamba2(config, {}, &spec));
  return model;
}

}  // namespace firstlight
