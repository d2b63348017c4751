#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_ROPE_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_ROPE_FIELDS_H_

// The rotary fields of a config.json in either spelling: `rope_theta` and `partial_rotary_factor`
// with `rope_scaling` {`type` or `rope_type`}, or transformers 5's `rope_parameters`, with
// transformers' precedence between them (PreTrainedConfig.convert_rope_params_to_dict).

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/decoder/decoder_spec.h"
#include "loader/json.h"

namespace firstlight {

struct RopeContext {
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  // The configuration class's own defaults.
  double theta = 10000.0;
  double partial_rotary_factor = 1.0;
  RopePairing pairing = RopePairing::kHalves;
  // The outer fields; one without a name is not read.
  std::string_view theta_field = "rope_theta";
  std::string_view partial_field = "partial_rotary_factor";
  std::optional<int64_t> trained_positions = std::nullopt;  // unset: max_position_embeddings
  bool yarn_is_longrope = false;                            // and "su" is, in older files
  // Where `rope_parameters` holds an object for each type of layer, the type that is read.
  std::string_view layer_type = {};
  bool read_scaling = true;  // whether `rope_scaling` speaks of it
};

// UNIMPLEMENTED names a rope type that is not known.
absl::StatusOr<RopeSpec> ReadRope(const JsonValue& config, const RopeContext& context);

// Whether the config says anything of it beside the outer fields.
bool DescribesRope(const JsonValue& config);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_ROPE_FIELDS_H_
