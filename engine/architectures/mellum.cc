// Mellum 2 (JetBrains, 2026; transformers' models/mellum): Qwen3-MoE with windows and a rope of
// their own on some layers, and MLPs without experts on others.

#include <optional>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// `mlp_layer_types`: whether each layer is a mixture. All are where it is left out.
absl::Status ReadMlpLayerTypes(const JsonValue& config, DecoderSpec* spec) {
  const std::optional<JsonValue> found = config.Find("mlp_layer_types");
  if (!found.has_value()) {
    MakeEveryLayerAMixture(spec);
    return absl::OkStatus();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray types, found->AsArray());
  std::vector<bool> sparse;
  for (const JsonValue value : types) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, value.AsString());
    if (type != "dense" && type != "sparse") {
      return value.Error(StrCat("expected dense or sparse, found ", Quoted(type)));
    }
    sparse.push_back(type == "sparse");
  }
  if (static_cast<int64_t>(sparse.size()) < spec->num_hidden_layers) {
    return found->Error(StrCat("expected ", spec->num_hidden_layers,
                               " of them, one a layer, found ", sparse.size()));
  }
  MakeLayersMixtures([&sparse](int64_t layer) { return sparse[static_cast<size_t>(layer)]; }, spec);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadMellumConfig(const JsonValue& config) {
  const auto rope_of = [](std::string_view layer_type, double theta) {
    return RopeContext{.theta = theta,
                       .theta_field = {},
                       .partial_field = {},
                       .layer_type = layer_type,
                       .read_scaling = false};
  };
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 98304,
                                                   .hidden_size = 2304,
                                                   .intermediate_size = 7168,
                                                   .num_hidden_layers = 28,
                                                   .num_attention_heads = 32,
                                                   .num_key_value_heads = 4,
                                                   .head_dim = 128,
                                                   .max_position_embeddings = 131072,
                                                   .rope = rope_of("full_attention", 500000.0)}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  NormHeadsOfQueryAndKey(&spec);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 1024));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec.num_hidden_layers, [](int64_t) { return false; }));
  RopeContext local = rope_of("sliding_attention", 10000.0);
  local.head_dim = spec.head_dim;
  local.max_position_embeddings = model.context_length;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const RopeSpec local_rope, ReadRope(config, local));
  spec.ropes.push_back(local_rope);
  FIRSTLIGHT_RETURN_IF_ERROR(RequireRopeOfLayers(config, sliding));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, sliding, {}, {.window = window, .rope = 1}, &spec));

  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config,
                                         {.num_experts = "num_experts",
                                          .other_num_experts = "num_local_experts",
                                          .default_experts = 64,
                                          .default_per_token = 8},
                                         &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", 896, 1, SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.routing.normalize, config.GetBool("norm_topk_prob", true));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadMlpLayerTypes(config, &spec));
  return model;
}

}  // namespace firstlight
