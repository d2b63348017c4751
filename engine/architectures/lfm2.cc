// LFM2, its mixture of experts, and LFM3 (Liquid AI; transformers' models/lfm2, lfm2_moe, lfm3):
// short convolutions with some layers of attention between them.

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

// What they have in common; attention's tensors are LFM2's.
void NameLiquidTensors(TensorNames* names) {
  names->input_norm = "operator_norm";
  names->feed_forward_norm = "ffn_norm";
  names->gate = "feed_forward.w1";
  names->up = "feed_forward.w3";
  names->down = "feed_forward.w2";
  names->attention_output = "self_attn.out_proj";
  names->query_norm = "self_attn.q_layernorm";
  names->key_norm = "self_attn.k_layernorm";
  names->final_norm = "embedding_norm";
}

LayerKind Convolution() { return {.rope = -1, .mixer = Mixer::kRecurrence}; }

absl::Status SetConvolutions(const std::vector<std::string_view>& types, DecoderSpec* spec) {
  std::vector<LayerKind> layers;
  layers.reserve(types.size());
  for (const std::string_view type : types) {
    layers.push_back(type == "conv" ? Convolution() : LayerKind());
  }
  SetLayerKinds(layers, spec);
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> ReadLfm2Common(const JsonValue& config, DecoderFields fields) {
  fields.vocab_size = 65536;
  fields.num_key_value_heads = 8;
  fields.max_position_embeddings = 128000;
  fields.norm_eps = 1e-5;
  fields.tied = true;
  fields.eos_token_ids = {2};
  fields.rope = RopeContext{.theta = 1e6};
  fields.norm_eps_field = "norm_eps";
  fields.activation_field = {};
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, fields));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.tied, config.GetBool("tie_embedding", spec.head.tied));
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  NameLiquidTensors(&spec.names);
  FIRSTLIGHT_RETURN_IF_ERROR(ReadShortConvolution(config, 3, &spec));
  return model;
}

// block_ff_dim is what two thirds of, times a factor, in whole multiples, are taken.
absl::StatusOr<int64_t> AdjustedSize(const JsonValue& config, int64_t size) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      size, ReadInteger(config, "block_ff_dim", size, 1, SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool adjusts, config.GetBool("block_auto_adjust_ff_dim", true));
  if (!adjusts) return size;
  size = 2 * size / 3;
  if (!IsNull(config, "block_ffn_dim_multiplier")) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double factor,
                                ReadNumber(config, "block_ffn_dim_multiplier", 1.0, 1e-3, 64.0));
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        const int64_t multiple,
        ReadInteger(config, "block_multiple_of", 256, 1, SizeLimits::kIntermediate));
    size = static_cast<int64_t>(factor * static_cast<double>(size));
    size = multiple * ((size + multiple - 1) / multiple);
  }
  if (size < 1 || size > SizeLimits::kIntermediate) {
    return config.Error("expected block_ff_dim, adjusted, to be an intermediate size");
  }
  return size;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadLfm2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadLfm2Common(config, {.hidden_size = 2560, .intermediate_size = 12288}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.intermediate_size, AdjustedSize(config, spec.intermediate_size));
  const bool all_attend = !config.Find("full_attn_idxs").has_value();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> attends,
                              ReadLayerIndices(config, "full_attn_idxs", spec.num_hidden_layers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<std::string_view> types,
      ReadLayerTypes(config, spec.num_hidden_layers, {"full_attention", "conv"},
                     [&](int64_t layer) -> std::string_view {
                       const bool full = all_attend || attends[static_cast<size_t>(layer)];
                       return full ? "full_attention" : "conv";
                     }));
  FIRSTLIGHT_RETURN_IF_ERROR(SetConvolutions(types, &spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadLfm2MoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadLfm2Common(config, {.hidden_size = 2048, .intermediate_size = 7168}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(config.Get("layer_types").status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<std::string_view> types,
      ReadLayerTypes(config, spec.num_hidden_layers, {"full_attention", "conv"}, nullptr));
  FIRSTLIGHT_RETURN_IF_ERROR(SetConvolutions(types, &spec));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(
      config, {.num_experts = "num_experts", .default_experts = 32, .default_per_token = 4},
      &mixture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", 1792, 1, SizeLimits::kIntermediate));
  RoutingSpec& routing = mixture.routing;
  routing.score = RouterScore::kSigmoid;
  routing.added_to_sum = 1e-6;
  FIRSTLIGHT_ASSIGN_OR_RETURN(routing.normalize, config.GetBool("norm_topk_prob", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(routing.scaling_factor,
                              ReadNumber(config, "routed_scaling_factor", 1.0, -1e6, 1e6));
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.correction_bias, config.GetBool("use_expert_bias", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t dense,
                              ReadInteger(config, "num_dense_layers", 2, 0, SizeLimits::kLayers));
  mixture.names.router = "feed_forward.gate";
  mixture.names.experts = "feed_forward.experts.";
  mixture.names.gate = "w1";
  mixture.names.up = "w3";
  mixture.names.down = "w2";
  mixture.names.correction = "feed_forward.expert_bias";
  mixture.names.fused_correction = mixture.names.correction;
  mixture.names.fused[0] = {"feed_forward.gate", "feed_forward.experts.gate_up_proj",
                            "feed_forward.experts.down_proj"};
  MakeLayersMixtures([dense](int64_t layer) { return layer >= dense; }, &spec);
  return model;
}

absl::StatusOr<ModelConfig> ReadLfm3Config(const JsonValue& config) {
  const bool has_ropes = config.Find("rope_parameters").has_value();
  const RopeContext full = {.theta = 1e6,
                            .theta_field = {},
                            .partial_field = {},
                            .layer_type = "full_attention",
                            .read_scaling = false};
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 128000,
                           .hidden_size = 2048,
                           .intermediate_size = 7680,
                           .num_hidden_layers = 24,
                           .num_attention_heads = 16,
                           .num_key_value_heads = 4,
                           .head_dim = 128,
                           .max_position_embeddings = 128000,
                           .norm_eps = 1e-5,
                           .tied = true,
                           .eos_token_ids = {124900},
                           .rope = full,
                           .norm_eps_field =
                               config.Find("norm_eps").has_value() ? "norm_eps" : "rms_norm_eps",
                           .activation_field = {}}));
  DecoderSpec& spec = model.spec;
  RopeContext local = full;
  local.theta = has_ropes ? full.theta : 10000.0;
  local.layer_type = "sliding_attention";
  local.head_dim = spec.head_dim;
  local.max_position_embeddings = model.context_length;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const RopeSpec sliding, ReadRope(config, local));
  spec.ropes.push_back(sliding);
  if (!has_ropes) {
    spec.ropes[0].type = RopeType::kProportional;
    spec.ropes[0].turning_pairs = spec.head_dim / 4;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool gates, config.GetBool("use_attention_gate", true));
  if (gates) spec.attention.output_gate = OutputGate::kHeads;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.residual.norm_after, config.GetBool("use_sandwich_norm", true));
  NameLiquidTensors(&spec.names);
  spec.names.attention_output = "self_attn.o_proj";
  spec.names.query_norm = "self_attn.q_norm";
  spec.names.key_norm = "self_attn.k_norm";
  spec.names.other_output_gate = "self_attn.gate_proj";
  spec.names.attention_output_norm = "post_operator_norm";
  spec.names.feed_forward_output_norm = "post_ffn_norm";
  FIRSTLIGHT_RETURN_IF_ERROR(ReadShortConvolution(config, 7, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window, ReadWindow(config, "sliding_window", 256));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<std::string_view> types,
      ReadLayerTypes(config, spec.num_hidden_layers,
                     {"full_attention", "sliding_attention", "conv"},
                     [](int64_t layer) -> std::string_view {
                       if (layer % 4 == 2) return "full_attention";
                       return layer % 4 == 0 && layer > 0 ? "sliding_attention" : "conv";
                     }));
  std::vector<LayerKind> layers;
  std::vector<bool> slides;  // of those that attend
  for (const std::string_view type : types) {
    if (type == "sliding_attention" && window == 0) {
      return config.Error("expected a sliding_window where layers slide, found none");
    }
    if (type != "conv") slides.push_back(type == "sliding_attention");
    layers.push_back(type == "conv"             ? Convolution()
                     : type == "full_attention" ? LayerKind()
                                                : LayerKind{.window = window, .rope = 1});
  }
  FIRSTLIGHT_RETURN_IF_ERROR(RequireRopeOfLayers(config, slides));
  SetLayerKinds(layers, &spec);
  return model;
}

}  // namespace firstlight
