#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_RECURRENT_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_RECURRENT_FIELDS_H_

// The fields of a config.json that describe layers with a recurrent state, as the families share
// them. Errors and defaults are as in config_fields.h.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/decoder/decoder_spec.h"
#include "loader/json.h"

namespace firstlight {

// The type of each layer: `layer_types`, or `layers_block_type`, or else `otherwise(layer)`. Older
// files call linear_attention "mamba" and full_attention "attention". UNIMPLEMENTED names a type
// that is not among `known`.
absl::StatusOr<std::vector<std::string_view>> ReadLayerTypes(
    const JsonValue& config, int64_t layers, absl::Span<const std::string_view> known,
    const std::function<std::string_view(int64_t layer)>& otherwise);

// The same where every `full_attention_interval`th layer attends.
absl::StatusOr<std::vector<std::string_view>> ReadIntervalTypes(const JsonValue& config,
                                                                int64_t layers);

// The indices that the list `field` holds; none where it is left out.
absl::StatusOr<std::vector<bool>> ReadLayerIndices(const JsonValue& config, std::string_view field,
                                                   int64_t layers);

// The fields of a Mamba-2 layer by their names, with the class's defaults.
struct Mamba2Fields {
  std::string_view heads = "mamba_n_heads";
  std::string_view head_dim = "mamba_d_head";
  std::string_view groups = "mamba_n_groups";
  std::string_view state_size = "mamba_d_state";
  std::string_view kernel = "mamba_d_conv";
  std::string_view expand = "mamba_expand";  // of hidden_size to the heads'; unset: not read
  std::string_view convolution_bias = "mamba_conv_bias";
  std::string_view input_bias = "mamba_proj_bias";
  std::string_view output_bias = "mamba_proj_bias";
  std::string_view activation = "hidden_act";
  int64_t default_heads = 128;
  std::optional<int64_t> default_head_dim = std::nullopt;  // unset, or "auto": what the heads share
  int64_t default_groups = 1;
  int64_t default_state_size = 256;
  // The lower limit of a prompt's steps; empty: both are `time_step_limit`, or there are none.
  std::string_view smallest_step = {};
  double default_smallest_step = 0.0;
  // Of all heads together, instead of `expand`.
  std::optional<int64_t> inner_size = std::nullopt;
};

// spec->recurrent as Mamba-2, with a norm of what is gated. REQUIRES: spec->hidden_size.
absl::Status ReadMamba2(const JsonValue& config, const Mamba2Fields& fields, DecoderSpec* spec);

// A delta net's, as Qwen's families spell it.
absl::Status ReadDeltaNet(const JsonValue& config, bool grouped, DecoderSpec* spec);

// A short convolution's, as Liquid AI's families spell it.
absl::Status ReadShortConvolution(const JsonValue& config, int64_t default_kernel,
                                  DecoderSpec* spec);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_RECURRENT_FIELDS_H_
