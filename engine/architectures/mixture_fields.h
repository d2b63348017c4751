#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_

// The fields of a config.json that describe a mixture of experts, as the families share them.
// Errors and defaults are as in config_fields.h.

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "engine/decoder/decoder_spec.h"
#include "loader/json.h"

namespace firstlight {

struct ExpertFields {
  std::string_view num_experts;                 // the field's name
  std::string_view other_num_experts = {};      // a second one that transformers writes
  std::optional<int64_t> default_experts = {};  // unset: it must be there
  std::string_view per_token = "num_experts_per_tok";
  std::optional<int64_t> default_per_token = {};
};

// Largest numbers accepted.
struct MixtureLimits {
  static constexpr int64_t kExperts = 4096;
  static constexpr int64_t kExpertsPerToken = 64;
};

// num_experts and experts_per_token.
absl::Status ReadExperts(const JsonValue& config, const ExpertFields& fields, MixtureSpec* mixture);

// Experts that every token has, by their number, as one that is so many times as wide. REQUIRES:
// mixture->intermediate_size.
absl::Status ReadSharedExperts(const JsonValue& config, std::string_view field,
                               int64_t default_experts, MixtureSpec* mixture);

// `attention_bias`, on query, key, value and output.
absl::Status ReadAttentionBias(const JsonValue& config, bool default_bias, DecoderSpec* spec);

// A norm of each head's query and key.
void NormHeadsOfQueryAndKey(DecoderSpec* spec);

// `sliding_window`, where a null one is none, on every layer, or on those that `layer_types` name
// or, without them, `is_sliding`.
absl::Status ReadWindowOfEveryLayer(const JsonValue& config, std::optional<int64_t> default_window,
                                    DecoderSpec* spec);
absl::Status ReadWindowOfLayers(const JsonValue& config, int64_t default_window,
                                bool (*is_sliding)(const JsonValue& config, int64_t layer),
                                DecoderSpec* spec);

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

// What a configuration class of DeepSeek's kind has for the fields left out.
struct DeepseekDefaults {
  std::optional<int64_t> experts;
  std::optional<int64_t> per_token;
  int64_t intermediate_size;
  int64_t shared_experts;
  int64_t groups;
  int64_t groups_per_token;
  bool normalize;
  double scaling_factor;
  int64_t first_dense_layers;
  // DeepSeek-V2's router: softmax, groups by their best expert and only where topk_method says so.
  // Else V3's: sigmoid, a correction, groups by their best two.
  bool version_2 = false;
};

// The whole mixture, as DeepSeek's families and those after them spell it.
absl::Status ReadDeepseekExperts(const JsonValue& config, const DeepseekDefaults& defaults,
                                 DecoderSpec* spec);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_MIXTURE_FIELDS_H_
