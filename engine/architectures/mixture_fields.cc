#include "engine/architectures/mixture_fields.h"

#include "absl/container/flat_hash_set.h"
#include "engine/architectures/config_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

absl::Status ReadExperts(const JsonValue& config, const ExpertFields& fields,
                         MixtureSpec* mixture) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture->num_experts,
                              ReadInteger(config, fields.num_experts, fields.default_num_experts, 1,
                                          MixtureLimits::kExperts));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture->experts_per_token,
      ReadInteger(config, fields.experts_per_token, fields.default_experts_per_token, 1,
                  MixtureLimits::kExpertsPerToken));
  if (mixture->experts_per_token > mixture->num_experts) {
    return config.Error(StrCat("expected ", fields.experts_per_token, " of at most the ",
                               mixture->num_experts, " of ", fields.num_experts, ", found ",
                               mixture->experts_per_token));
  }
  return absl::OkStatus();
}

absl::Status ReadGroups(const JsonValue& config, int64_t default_groups,
                        int64_t default_groups_per_token, MixtureSpec* mixture) {
  RoutingSpec& routing = mixture->routing;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      routing.groups, ReadInteger(config, "n_group", default_groups, 1, mixture->num_experts));
  if (mixture->num_experts % routing.groups != 0) {
    return config.Error(StrCat("expected n_group to divide the ", mixture->num_experts,
                               " experts, found ", routing.groups));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      routing.groups_per_token,
      ReadInteger(config, "topk_group", default_groups_per_token, 1, routing.groups));
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

}  // namespace firstlight
