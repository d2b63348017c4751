// Qwen3-Next and Qwen3.5 (transformers' models/qwen3_next, qwen3_5 and qwen3_5_moe): gated delta
// nets, every fourth layer attention whose output is gated. Qwen3.5's text model is also inside
// the `text_config` of the model that sees.

#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "engine/architectures/recurrent_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::StatusOr<ModelConfig> ReadCommon(const JsonValue& config, DecoderFields fields,
                                       bool grouped) {
  fields.num_attention_heads = 16;
  fields.head_dim = 256;
  fields.max_position_embeddings = 32768;
  // Three coordinates a position under mrope, which are the same in text.
  fields.rope = RopeContext{.partial_rotary_factor = 0.25};
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, fields));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "attn_output_gate", true));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  spec.norm.weight_offset = 1.0;
  NormHeadsOfQueryAndKey(&spec);
  spec.attention.output_gate = OutputGate::kElements;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeltaNet(config, grouped, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<std::string_view> types,
                              ReadIntervalTypes(config, spec.num_hidden_layers));
  std::vector<LayerKind> layers;
  layers.reserve(types.size());
  for (const std::string_view type : types) {
    layers.push_back(type == "full_attention" ? LayerKind()
                                              : LayerKind{.rope = -1, .mixer = Mixer::kRecurrence});
  }
  SetLayerKinds(layers, &spec);
  return model;
}

// Experts, and one that every token has behind a gate.
absl::Status ReadGatedExperts(const JsonValue& config, const ExpertFields& fields,
                              DecoderSpec* spec) {
  MixtureSpec& mixture = spec->mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config, fields, &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", 512, 1, SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.shared_intermediate_size,
      ReadInteger(config, "shared_expert_intermediate_size", 512, 1, SizeLimits::kIntermediate));
  mixture.routing.normalize = true;
  mixture.shared_expert_gate = true;
  mixture.names.shared_gate = "mlp.shared_expert.gate_proj";
  mixture.names.shared_up = "mlp.shared_expert.up_proj";
  mixture.names.shared_down = "mlp.shared_expert.down_proj";
  return absl::OkStatus();
}

// What the outer config of a model that sees says of its text.
absl::Status ReadOuter(const JsonValue& config, ModelConfig* model) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->spec.head.tied, config.GetBool("tie_word_embeddings", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->eos_token_ids,
                              ReadTokenIds(config, "eos_token_id", model->eos_token_ids));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadQwen3NextConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadCommon(config,
                                                            {.vocab_size = 151936,
                                                             .hidden_size = 2048,
                                                             .intermediate_size = 5632,
                                                             .num_hidden_layers = 48,
                                                             .num_key_value_heads = 2},
                                                            /*grouped=*/true));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t experts,
                              ReadInteger(config, "num_experts", 512, 0, MixtureLimits::kExperts));
  if (experts == 0) return model;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadGatedExperts(
      config, {.num_experts = "num_experts", .default_experts = 512, .default_per_token = 10},
      &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.mixture.routing.normalize,
                              config.GetBool("norm_topk_prob", true));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadSparseLayers(config, &spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadQwen35TextConfig(const JsonValue& config) {
  return ReadCommon(config,
                    {.vocab_size = 248320,
                     .intermediate_size = 12288,
                     .num_hidden_layers = 32,
                     .num_key_value_heads = 4},
                    /*grouped=*/false);
}

absl::StatusOr<ModelConfig> ReadQwen35MoeTextConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadCommon(config,
                                                            {.vocab_size = 248320,
                                                             .hidden_size = 2048,
                                                             .num_hidden_layers = 40,
                                                             .num_key_value_heads = 2,
                                                             .intermediate_size_field = {}},
                                                            /*grouped=*/false));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadGatedExperts(
      config, {.num_experts = "num_experts", .default_experts = 256, .default_per_token = 8},
      &model.spec));
  MakeEveryLayerAMixture(&model.spec);
  return model;
}

absl::StatusOr<ModelConfig> ReadQwen35Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadQwen35TextConfig(TextConfig(config)));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOuter(config, &model));
  return model;
}

absl::StatusOr<ModelConfig> ReadQwen35MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadQwen35MoeTextConfig(TextConfig(config)));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOuter(config, &model));
  return model;
}

}  // namespace firstlight
