#include "engine/architectures/mixture_fields.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// An integer of at least 1 that must be there unless it has a default.
absl::StatusOr<int64_t> ReadCount(const JsonValue& config, std::string_view field,
                                  std::optional<int64_t> otherwise, int64_t maximum) {
  if (!otherwise.has_value()) FIRSTLIGHT_RETURN_IF_ERROR(config.Get(field).status());
  return ReadInteger(config, field, otherwise.value_or(1), 1, maximum);
}

// 0: none.
absl::StatusOr<int64_t> ReadWindow(const JsonValue& config, std::optional<int64_t> otherwise) {
  constexpr std::string_view kField = "sliding_window";
  if (IsNull(config, kField)) return 0;
  return ReadInteger(config, kField, otherwise.value_or(0), otherwise.has_value() ? 1 : 0,
                     SizeLimits::kPositions);
}

// n_group and topk_group, which together must hold the experts of a token.
absl::Status ReadGroups(const JsonValue& config, const DeepseekDefaults& defaults,
                        MixtureSpec* mixture) {
  RoutingSpec& routing = mixture->routing;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      routing.groups, ReadInteger(config, "n_group", defaults.groups, 1, mixture->num_experts));
  if (mixture->num_experts % routing.groups != 0) {
    return config.Error(StrCat("expected n_group to divide the ", mixture->num_experts,
                               " experts, found ", routing.groups));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      routing.groups_per_token,
      ReadInteger(config, "topk_group", std::min(defaults.groups_per_token, routing.groups), 1,
                  routing.groups));
  const int64_t group_size = mixture->num_experts / routing.groups;
  if (routing.groups_per_token * group_size < mixture->experts_per_token) {
    return config.Error(StrCat("expected topk_group groups of ", group_size, " to hold the ",
                               mixture->experts_per_token, " experts of a token, found ",
                               routing.groups_per_token));
  }
  if (routing.group_score == GroupScore::kTwoGreatestTogether && group_size < 2) {
    return config.Error(
        StrCat("expected groups of two experts or more, found n_group = ", routing.groups));
  }
  return absl::OkStatus();
}

absl::Status ReadVersion2Groups(const JsonValue& config, const DeepseekDefaults& defaults,
                                MixtureSpec* mixture) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view method,
                              config.GetString("topk_method", "greedy"));
  if (method == "greedy") return absl::OkStatus();
  if (method == "group_limited_greedy") return ReadGroups(config, defaults, mixture);
  return absl::UnimplementedError(
      config.Get("topk_method")
          ->Error(StrCat("method ", Quoted(method),
                         " is not implemented; known are greedy, group_limited_greedy"))
          .message());
}

}  // namespace

absl::Status ReadExperts(const JsonValue& config, const ExpertFields& fields,
                         MixtureSpec* mixture) {
  // The experts' own products know no other.
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Activation activation,
                              ReadActivation(config, "hidden_act", "silu"));
  if (activation != Activation::kSilu) {
    return absl::UnimplementedError(
        config.Get("hidden_act")
            ->Error("experts with another than silu are not implemented")
            .message());
  }
  const bool other = !fields.other_num_experts.empty() && !config.Find(fields.num_experts) &&
                     config.Find(fields.other_num_experts);
  const std::string_view num_experts = other ? fields.other_num_experts : fields.num_experts;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture->num_experts,
      ReadCount(config, num_experts, fields.default_experts, MixtureLimits::kExperts));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture->experts_per_token,
                              ReadCount(config, fields.per_token, fields.default_per_token,
                                        MixtureLimits::kExpertsPerToken));
  if (mixture->experts_per_token > mixture->num_experts) {
    return config.Error(StrCat("expected ", fields.per_token, " of at most the ",
                               mixture->num_experts, " of ", num_experts, ", found ",
                               mixture->experts_per_token));
  }
  return absl::OkStatus();
}

absl::Status ReadSharedExperts(const JsonValue& config, std::string_view field,
                               int64_t default_experts, MixtureSpec* mixture) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t experts,
      ReadInteger(config, field, default_experts, 0,
                  SizeLimits::kIntermediate / std::max<int64_t>(mixture->intermediate_size, 1)));
  mixture->shared_intermediate_size = experts * mixture->intermediate_size;
  return absl::OkStatus();
}

absl::Status ReadAttentionBias(const JsonValue& config, bool default_bias, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool bias, config.GetBool("attention_bias", default_bias));
  spec->attention.qkv_bias = bias;
  spec->attention.output_bias = bias;
  return absl::OkStatus();
}

void NormHeadsOfQueryAndKey(DecoderSpec* spec) {
  spec->attention.qk_norm.scope = QkNormScope::kHead;
  spec->attention.qk_norm.norm = spec->norm;
}

absl::Status ReadWindowOfEveryLayer(const JsonValue& config, std::optional<int64_t> default_window,
                                    DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->layer_kinds[0].window, ReadWindow(config, default_window));
  return absl::OkStatus();
}

absl::Status ReadWindowOfLayers(const JsonValue& config, int64_t default_window,
                                bool (*is_sliding)(const JsonValue& config, int64_t layer),
                                DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, default_window));
  if (window == 0) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec->num_hidden_layers,
                        [&](int64_t layer) { return is_sliding(config, layer); }));
  const LayerKind full = spec->layer_kinds[0];
  LayerKind slides = full;
  slides.window = window;
  return SetSlidingLayers(config, sliding, full, slides, spec);
}

void MakeEveryLayerAMixture(DecoderSpec* spec) {
  MakeLayersMixtures([](int64_t) { return true; }, spec);
}

absl::Status ReadSparseLayers(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t step, ReadInteger(config, "decoder_sparse_step", 1, 1, SizeLimits::kLayers));
  absl::flat_hash_set<int64_t> dense;
  if (config.Find("mlp_only_layers").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray layers, config.GetArray("mlp_only_layers"));
    for (const JsonValue value : layers) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t layer, value.AsInt64());
      dense.insert(layer);
    }
  }
  MakeLayersMixtures(
      [&](int64_t layer) { return !dense.contains(layer) && (layer + 1) % step == 0; }, spec);
  return absl::OkStatus();
}

absl::Status ReadDeepseekExperts(const JsonValue& config, const DeepseekDefaults& defaults,
                                 DecoderSpec* spec) {
  MixtureSpec& mixture = spec->mixture;
  RoutingSpec& routing = mixture.routing;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config,
                                         {.num_experts = "n_routed_experts",
                                          .default_experts = defaults.experts,
                                          .default_per_token = defaults.per_token},
                                         &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", defaults.intermediate_size, 1,
                  SizeLimits::kIntermediate));
  FIRSTLIGHT_RETURN_IF_ERROR(
      ReadSharedExperts(config, "n_shared_experts", defaults.shared_experts, &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      routing.scaling_factor,
      ReadNumber(config, "routed_scaling_factor", defaults.scaling_factor, -1e6, 1e6));
  if (defaults.version_2) {
    FIRSTLIGHT_RETURN_IF_ERROR(ReadVersion2Groups(config, defaults, &mixture));
  } else {
    routing.score = RouterScore::kSigmoid;
    routing.group_score = GroupScore::kTwoGreatestTogether;
    mixture.correction_bias = true;
    FIRSTLIGHT_ASSIGN_OR_RETURN(routing.normalize,
                                config.GetBool("norm_topk_prob", defaults.normalize));
    FIRSTLIGHT_RETURN_IF_ERROR(ReadGroups(config, defaults, &mixture));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t dense, ReadInteger(config, "first_k_dense_replace", defaults.first_dense_layers,
                                       0, SizeLimits::kLayers));
  MakeLayersMixtures([dense](int64_t layer) { return layer >= dense; }, spec);
  return absl::OkStatus();
}

}  // namespace firstlight
