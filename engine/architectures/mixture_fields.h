#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_

// The fields of a config.json that describe a mixture of experts, as the families share them.
// Errors and defaults are as in config_fields.h.

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "engine/decoder_spec.h"
#include "loader/json.h"

namespace firstlight {

struct ExpertFields {
  std::string_view num_experts;  // the field's name
  int64_t default_num_experts = 0;
  std::string_view experts_per_token = "num_experts_per_tok";
  int64_t default_experts_per_token = 0;
};

// Largest numbers accepted.
struct MixtureLimits {
  static constexpr int64_t kExperts = 4096;
  static constexpr int64_t kExpertsPerToken = 64;
};

// num_experts and experts_per_token.
absl::Status ReadExperts(const JsonValue& config, const ExpertFields& fields, MixtureSpec* mixture);

// n_group and topk_group, which together must hold the experts of a token. REQUIRES: ReadExperts.
absl::Status ReadGroups(const JsonValue& config, int64_t default_groups,
                        int64_t default_groups_per_token, MixtureSpec* mixture);

// Every layer is a mixture, or those for which `is_mixture(layer)`. With no other left, no
// intermediate size is needed but the experts'.
void MakeEveryLayerAMixture(DecoderSpec* spec);
template <typename Predicate>
void MakeLayersMixtures(Predicate is_mixture, DecoderSpec* spec) {
  bool all = true;
  spec->mixture.layers.clear();
  for (int64_t layer = 0; layer < spec->num_hidden_layers; ++layer) {
    spec->mixture.layers.push_back(is_mixture(layer));
    all = all && spec->mixture.layers.back();
  }
  if (all) spec->intermediate_size = 0;
}

// mlp_only_layers and decoder_sparse_step, as the Qwen families have them.
absl::Status ReadSparseLayers(const JsonValue& config, DecoderSpec* spec);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_
