// Bamba (IBM, Princeton, CMU, UIUC, 2024; transformers' models/bamba) and Falcon-H1 (Technology
// Innovation Institute, arXiv:2507.22448; models/falcon_h1): Llama with Mamba-2 layers, in Bamba
// instead of most attention, in Falcon-H1 beside it.

#include <cmath>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/recurrent_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr double kLargest = 1e9;

void NameBambaTensors(TensorNames* names) {
  names->feed_forward_norm = "pre_ff_layernorm";
  names->gate = "feed_forward.gate_proj";
  names->up = "feed_forward.up_proj";
  names->down = "feed_forward.down_proj";
  names->final_norm = "final_layernorm";
}

// So many numbers; 1 each where there are none.
absl::StatusOr<std::vector<double>> ReadMultipliers(const JsonValue& config, std::string_view field,
                                                    size_t count) {
  std::vector<double> values(count, 1.0);
  if (!config.Find(field).has_value()) return values;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray list, config.GetArray(field));
  if (list.size() != count) {
    return config.Get(field)->Error(StrCat("expected ", count, " numbers, found ", list.size()));
  }
  size_t next = 0;
  for (const JsonValue value : list) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(values[next], value.AsDouble());
    if (!(std::fabs(values[next]) <= kLargest)) {
      return value.Error(StrCat("expected a number in [", -kLargest, ", ", kLargest, "]"));
    }
    ++next;
  }
  return values;
}

absl::StatusOr<double> ReadMultiplier(const JsonValue& config, std::string_view field) {
  return ReadNumber(config, field, 1.0, -kLargest, kLargest);
}

// What multiplies a sublayer's input and its projections is taken together: without biases that is
// the same.
absl::Status ReadFalconMultipliers(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->embedding.multiplier,
                              ReadMultiplier(config, "embedding_multiplier"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->head.multiplier, ReadMultiplier(config, "lm_head_multiplier"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<double> mlp,
                              ReadMultipliers(config, "mlp_multipliers", 2));
  spec->feed_forward.gate_multiplier = mlp[0];
  spec->feed_forward.output_multiplier = mlp[1];
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double key, ReadMultiplier(config, "key_multiplier"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double attention_in,
                              ReadMultiplier(config, "attention_in_multiplier"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double attention_out,
                              ReadMultiplier(config, "attention_out_multiplier"));
  if (attention_in != 1.0 && spec->attention.qkv_bias) {
    return absl::UnimplementedError(config.Get("attention_in_multiplier")
                                        ->Error("with attention_bias is not implemented")
                                        .message());
  }
  spec->attention.scale *= attention_in * attention_in * key;
  spec->attention.output_multiplier = attention_in * attention_out;
  RecurrentSpec& recurrent = spec->recurrent;
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.output_multiplier,
                              ReadMultiplier(config, "ssm_out_multiplier"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double in, ReadMultiplier(config, "ssm_in_multiplier"));
  if (in != 1.0 && recurrent.input_bias) {
    return absl::UnimplementedError(config.Get("ssm_in_multiplier")
                                        ->Error("with mamba_proj_bias is not implemented")
                                        .message());
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<double> of_parts,
                              ReadMultipliers(config, "ssm_multipliers", 5));
  recurrent.multipliers = {.z = in * of_parts[0],
                           .x = in * of_parts[1],
                           .b = in * of_parts[2],
                           .c = in * of_parts[3],
                           .dt = in * of_parts[4]};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadBambaConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 128000,
                                                   .intermediate_size = 14336,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 262144,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {2},
                                                   // As there, whatever the field says.
                                                   .rope = RopeContext{.partial_rotary_factor = 0.5,
                                                                       .partial_field = {}}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadMamba2(config, {}, &spec));
  NameBambaTensors(&spec.names);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> attends,
      ReadLayerIndices(config, "attn_layer_indices", spec.num_hidden_layers));
  std::vector<LayerKind> layers;
  layers.reserve(attends.size());
  for (const bool full : attends) {
    layers.push_back(full ? LayerKind() : LayerKind{.rope = -1, .mixer = Mixer::kRecurrence});
  }
  SetLayerKinds(layers, &spec);
  return model;
}

absl::StatusOr<ModelConfig> ReadFalconH1Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 128000,
                                                   .intermediate_size = 14336,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 8192,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {2}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  Mamba2Fields fields = {.output_bias = "projectors_bias"};
  if (!IsNull(config, "mamba_d_ssm")) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        fields.inner_size, ReadInteger(config, "mamba_d_ssm", 1024, 1, SizeLimits::kIntermediate));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ReadMamba2(config, fields, &spec));
  RecurrentSpec& recurrent = spec.recurrent;
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.norm, config.GetBool("mamba_rms_norm", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.norm_before_gate,
                              config.GetBool("mamba_norm_before_gate", true));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadFalconMultipliers(config, &spec));
  NameBambaTensors(&spec.names);
  spec.layer_kinds = {{.mixer = Mixer::kBoth}};
  return model;
}

}  // namespace firstlight
