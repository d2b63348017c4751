// Hunyuan's dense models (Tencent, 2025; transformers' models/hunyuan_v1_dense): norms on each head
// once it has turned, a rope base that `alpha` stretches.

#include <cmath>
#include <optional>
#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadHunYuanDenseV1Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 290943, .norm_eps = 1e-5, .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.after_rope = true;
  spec.attention.qk_norm.norm = spec.norm;
  spec.names.query_norm = "self_attn.query_layernorm";
  spec.names.key_norm = "self_attn.key_layernorm";
  for (const std::string_view field : {"rope_parameters", "rope_scaling"}) {
    const std::optional<JsonValue> rope = config.Find(field);
    if (!rope.has_value() || rope->type() != JsonType::kObject ||
        spec.ropes[0].type != RopeType::kDynamic)
      continue;
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double alpha, ReadNumber(*rope, "alpha", 0.0, 0.0, 1e9));
    if (alpha == 0.0) continue;
    const auto dim = static_cast<double>(spec.head_dim);
    spec.ropes[0] = {.theta = spec.ropes[0].theta * std::pow(alpha, dim / (dim - 2.0)),
                     .rotary_dim = spec.head_dim};
  }
  return model;
}

}  // namespace firstlight
