#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_DECODER_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_DECODER_FIELDS_H_

// The fields of a config.json that nearly every family has, by the names and with the defaults of
// its configuration class in transformers. What else a family has it reads itself.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/architectures/rope_fields.h"
#include "engine/model_config.h"
#include "loader/json.h"

namespace firstlight {

struct DecoderFields {
  // Defaults.
  int64_t vocab_size = 32000;
  int64_t hidden_size = 4096;
  std::optional<int64_t> intermediate_size = 11008;  // unset: 4 * hidden_size
  int64_t num_hidden_layers = 32;
  int64_t num_attention_heads = 32;
  std::optional<int64_t> num_key_value_heads = std::nullopt;  // unset: as many as attention heads
  std::optional<int64_t> head_dim = std::nullopt;             // unset: hidden_size / heads
  int64_t max_position_embeddings = 2048;
  double norm_eps = 1e-6;
  std::string_view activation = "silu";
  bool tied = false;
  std::vector<int32_t> eos_token_ids = {};
  bool attends = true;  // false: no layer does, and there are no heads to read
  // Unset: positions do not turn.
  std::optional<RopeContext> rope = RopeContext();

  // Names; a field without one is not read and has its default.
  std::string_view hidden_size_field = "hidden_size";
  std::string_view intermediate_size_field = "intermediate_size";
  std::string_view num_hidden_layers_field = "num_hidden_layers";
  std::string_view num_attention_heads_field = "num_attention_heads";
  std::string_view num_key_value_heads_field = "num_key_value_heads";
  std::string_view head_dim_field = "head_dim";
  std::string_view max_position_embeddings_field = "max_position_embeddings";
  std::string_view norm_eps_field = "rms_norm_eps";
  std::string_view activation_field = "hidden_act";
};

// Sizes, heads, the norm's epsilon, the activation, tying, the context, rope (into ropes[0]), the
// ends of a sequence; attention is scaled by 1 / sqrt(head_dim).
absl::StatusOr<ModelConfig> ReadDecoder(const JsonValue& config, const DecoderFields& fields);

// UNIMPLEMENTED, naming the field, unless it is absent (or null) or `expected`: for what would be
// computed otherwise.
absl::Status RefuseUnless(const JsonValue& config, std::string_view field, bool expected);
absl::Status RefuseUnless(const JsonValue& config, std::string_view field, double expected);
absl::Status RefuseUnless(const JsonValue& config, std::string_view field,
                          std::string_view expected);
// The same where it is there at all and not null.
absl::Status RefusePresent(const JsonValue& config, std::string_view field);

// An activation by its name in transformers' ACT2FN.
absl::StatusOr<Activation> ReadActivation(const JsonValue& config, std::string_view field,
                                          std::string_view otherwise);

// The sliding window in that field: 0 where it is null, which means none.
absl::StatusOr<int64_t> ReadWindow(const JsonValue& config, std::string_view field,
                                   std::optional<int64_t> otherwise);

// `layer_types`, "full_attention" or "sliding_attention" for each layer, as whether each slides;
// else `otherwise(layer)`.
absl::StatusOr<std::vector<bool>> ReadSlidingLayers(
    const JsonValue& config, int64_t layers, const std::function<bool(int64_t layer)>& otherwise);

// Makes each layer of the spec of its kind.
void SetLayerKinds(const std::vector<LayerKind>& layers, DecoderSpec* spec);
// The same for layers of two kinds. INVALID_ARGUMENT where layers slide without a window.
absl::Status SetSlidingLayers(const JsonValue& config, const std::vector<bool>& sliding,
                              const LayerKind& full, const LayerKind& slides, DecoderSpec* spec);

// Where there are `rope_parameters`, they must hold an object for each of the types that `sliding`
// makes of the layers: for classes that know no other spelling.
absl::Status RequireRopeOfLayers(const JsonValue& config, const std::vector<bool>& sliding);

// The windows of Qwen2 and 3: `use_sliding_window`, from `max_window_layers` on.
absl::Status ReadQwenWindows(const JsonValue& config, DecoderSpec* spec);

// `attention_bias` and `mlp_bias` as Llama has them: on all four projections, on all three.
absl::Status ReadBiases(const JsonValue& config, DecoderSpec* spec);

// The members of `text_config`, where there is one.
JsonValue TextConfig(const JsonValue& config);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_DECODER_FIELDS_H_
