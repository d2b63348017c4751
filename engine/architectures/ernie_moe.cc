// Ernie 4.5 MoE (transformers' models/ernie4_5_moe): neighbouring elements of a head turn together;
// a range of layers are mixtures, whose experts are chosen with a correction.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::Status ReadMixtureLayers(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t first, ReadInteger(config, "moe_layer_start_index", 1, 0, SizeLimits::kLayers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      int64_t last, ReadInteger(config, "moe_layer_end_index", -1, -1, SizeLimits::kLayers));
  if (last == -1) last = spec->num_hidden_layers - 1;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t interval,
                              ReadInteger(config, "moe_layer_interval", 1, 1, SizeLimits::kLayers));
  MakeLayersMixtures(
      [&](int64_t layer) { return (layer + 1) % interval == 0 && layer >= first && layer <= last; },
      spec);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadErnie45MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config,
                  {.vocab_size = 103424,
                   .hidden_size = 2560,
                   .intermediate_size = 12288,
                   .num_hidden_layers = 28,
                   .num_attention_heads = 20,
                   .num_key_value_heads = 4,
                   .max_position_embeddings = 131072,
                   .norm_eps = 1e-5,
                   .tied = true,
                   .eos_token_ids = {2},
                   .rope = RopeContext{.theta = 500000.0, .pairing = RopePairing::kNeighbours}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool bias, config.GetBool("use_bias", false));
  spec.attention.qkv_bias = bias;
  spec.attention.output_bias = bias;
  spec.feed_forward.bias = bias;
  spec.head.bias = bias;
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config,
                                         {.num_experts = "moe_num_experts",
                                          .default_experts = 64,
                                          .per_token = "moe_k",
                                          .default_per_token = 6},
                                         &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", 1536, 1, SizeLimits::kIntermediate));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadSharedExperts(config, "moe_num_shared_experts", 2, &mixture));
  mixture.shared_bias = bias;
  mixture.correction_bias = true;
  mixture.routing.normalize = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.routing.smallest_sum,
                              ReadNumber(config, "moe_norm_min", 1e-12, 0.0, 1e6));
  mixture.names.correction = "mlp.moe_statics.e_score_correction_bias";
  mixture.names.fused_correction = "mlp.gate.moe_statics.e_score_correction_bias";
  FIRSTLIGHT_RETURN_IF_ERROR(ReadMixtureLayers(config, &spec));
  return model;
}

}  // namespace firstlight
