// gpt-oss (OpenAI, arXiv:2508.10925; transformers' models/gpt_oss): a sink in each head, windows on
// every other layer, and experts with a clamped activation, which are published in MXFP4.

#include <cmath>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGptOssConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 201088,
                                                   .hidden_size = 2880,
                                                   .intermediate_size = 2880,
                                                   .num_hidden_layers = 36,
                                                   .num_attention_heads = 64,
                                                   .num_key_value_heads = 8,
                                                   .head_dim = 64,
                                                   .max_position_embeddings = 131072,
                                                   .norm_eps = 1e-5,
                                                   .rope = RopeContext{.theta = 150000.0}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/true, &spec));
  spec.attention.sinks = true;
  if (!config.Find("rope_scaling").has_value() && !config.Find("rope_parameters").has_value()) {
    // The class's own: YaRN for 32 times as many positions.
    RopeSpec& rope = spec.ropes[0];
    rope.type = RopeType::kYarn;
    rope.factor = 32.0;
    rope.trained_positions = 4096;
    rope.truncate = false;
    rope.attention_factor = 0.1 * std::log(rope.factor) + 1.0;
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfLayers(
      config, 128, [](const JsonValue&, int64_t layer) { return layer % 2 == 0; }, &spec));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(
      config, {.num_experts = "num_local_experts", .default_experts = 128, .default_per_token = 4},
      &mixture));
  mixture.intermediate_size = spec.intermediate_size;
  mixture.routing.score = RouterScore::kSoftmaxOfChosen;
  mixture.router_bias = true;
  mixture.expert_bias = true;
  mixture.interleaved = true;
  mixture.transposed = true;
  mixture.activation = GatedActivation::kClampedSwiglu;
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.clamp.alpha,
                              ReadNumber(config, "swiglu_alpha", 1.702, 0.0, 1e6));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.clamp.limit,
                              ReadNumber(config, "swiglu_limit", 7.0, 0.0, 1e6));
  mixture.names.fused = {
      FusedExpertNames{"mlp.router", "mlp.experts.gate_up_proj", "mlp.experts.down_proj"}};
  MakeEveryLayerAMixture(&spec);
  return model;
}

}  // namespace firstlight
