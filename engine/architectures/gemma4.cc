// Gemma 4's text models (Google, 2026; transformers' models/gemma4 and models/gemma4_unified):
// heads of two sizes, keys that serve as values or that other layers share, a number and an input
// for each layer; also inside the `text_config` of the models that see and hear.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// What the configuration classes have for the fields left out.
struct Defaults {
  int64_t max_position_embeddings;
  int64_t window;
  int64_t per_layer_input;  // 0: the class has none
};

// `per_layer_config`, which is how transformers 5 writes the heads of the layers that see
// everything: an object by the index of each.
absl::Status ReadPerLayerConfig(const JsonValue& layers, std::vector<LayerKind>* kinds) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject by_layer, layers.AsObject());
  for (const auto& [name, overrides] : by_layer) {
    size_t layer = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), layer);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size() ||
        layer >= kinds->size()) {
      return layers.Error(
          StrCat("expected indices of the ", kinds->size(), " layers, found ", Quoted(name)));
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject fields, overrides.AsObject());
    for (const auto& [field, value] : fields) {
      if (field != "head_dim" && field != "num_key_value_heads") {
        return absl::UnimplementedError(
            value.Error("of a single layer is not implemented").message());
      }
    }
    LayerKind& kind = (*kinds)[layer];
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        kind.head_dim, ReadInteger(overrides, "head_dim", kind.head_dim, 2, SizeLimits::kHeadDim));
    FIRSTLIGHT_ASSIGN_OR_RETURN(kind.num_key_value_heads,
                                ReadInteger(overrides, "num_key_value_heads",
                                            kind.num_key_value_heads, 1, SizeLimits::kHeads));
  }
  return absl::OkStatus();
}

// The layers, with sizes of heads that are all their own, and `spec->ropes`: of the layers that see
// everything, of those that slide.
absl::Status ReadLayers(const JsonValue& config, const Defaults& defaults, int64_t context_length,
                        DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window,
                              ReadWindow(config, "sliding_window", defaults.window));
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::vector<bool> sliding,
                              ReadSlidingLayers(config, spec->num_hidden_layers, [](int64_t layer) {
                                return (layer + 1) % 6 != 0;
                              }));
  sliding.back() = false;  // transformers says so, too
  FIRSTLIGHT_RETURN_IF_ERROR(RequireRopeOfLayers(config, sliding));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t full_head_dim,
                              ReadInteger(config, "global_head_dim", 512, 2, SizeLimits::kHeadDim));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool key_is_value, config.GetBool("attention_k_eq_v", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t full_heads,
                              ReadInteger(config, "num_global_key_value_heads",
                                          spec->num_key_value_heads, 1, SizeLimits::kHeads));
  const std::optional<JsonValue> per_layer = config.Find("per_layer_config");
  const LayerKind slides = {.window = window,
                            .rope = 1,
                            .head_dim = spec->head_dim,
                            .num_key_value_heads = spec->num_key_value_heads};
  LayerKind full = slides;
  full.window = 0;
  full.rope = 0;
  full.key_is_value = key_is_value;
  if (!per_layer.has_value()) {
    full.head_dim = full_head_dim;
    if (key_is_value) full.num_key_value_heads = full_heads;
  }
  std::vector<LayerKind> kinds;
  kinds.reserve(sliding.size());
  for (const bool of_layer : sliding) kinds.push_back(of_layer ? slides : full);
  if (per_layer.has_value()) FIRSTLIGHT_RETURN_IF_ERROR(ReadPerLayerConfig(*per_layer, &kinds));

  const LayerKind* of_type[2] = {nullptr, nullptr};
  for (const LayerKind& kind : kinds) {
    const LayerKind*& known = of_type[kind.rope];
    if (known != nullptr && *known != kind) {
      return config.Error("expected layers of one type to have heads of one size");
    }
    known = &kind;
    if (kind.window == 0 && kind.rope == 1) {
      return config.Error("expected a sliding_window where layers slide, found none");
    }
    if (kind.head_dim % 2 != 0 || spec->num_attention_heads % kind.num_key_value_heads != 0) {
      return config.Error(StrCat("expected heads of an even size and num_attention_heads, ",
                                 spec->num_attention_heads,
                                 ", to be a multiple of their keys and values, found ",
                                 kind.head_dim, " and ", kind.num_key_value_heads));
    }
  }
  for (const LayerKind* const kind : of_type) {
    if (kind == nullptr) continue;
    const bool is_full = kind->rope == 0;
    RopeContext rope = {.head_dim = kind->head_dim,
                        .max_position_embeddings = context_length,
                        .theta_field = {},
                        .partial_field = {},
                        .layer_type = is_full ? "full_attention" : "sliding_attention",
                        .read_scaling = false};
    if (is_full && !config.Find("rope_parameters").has_value()) {
      spec->ropes[0] = {.type = RopeType::kProportional,
                        .theta = 1e6,
                        .rotary_dim = kind->head_dim,
                        .turning_pairs = kind->head_dim / 8};
      continue;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const RopeSpec read, ReadRope(config, rope));
    spec->ropes.resize(
        static_cast<size_t>(std::max<int64_t>(kind->rope + 1, std::ssize(spec->ropes))));
    spec->ropes[static_cast<size_t>(kind->rope)] = read;
  }
  SetLayerKinds(kinds, spec);
  return absl::OkStatus();
}

// num_kv_shared_layers: before them there is a layer of every kind that they are of.
absl::Status ReadSharedLayers(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->num_kv_shared_layers,
      ReadInteger(config, "num_kv_shared_layers", 0, 0, spec->num_hidden_layers - 1));
  for (int64_t layer = 0; layer < spec->num_hidden_layers; ++layer) {
    if (spec->shares_key_value(layer) && spec->key_value_layer(layer) == layer) {
      return config.Get("num_kv_shared_layers")
          ->Error(StrCat("expected a layer of the type of layer ", layer,
                         " among those that have keys and values, found none"));
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool wide, config.GetBool("use_double_wide_mlp", false));
  if (wide) spec->feed_forward.kv_shared_multiple = 2;
  return absl::OkStatus();
}

// Experts beside each layer's MLP.
absl::Status ReadExpertsBesideMlp(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool enabled, config.GetBool("enable_moe_block", false));
  if (!enabled) return absl::OkStatus();
  MixtureSpec& mixture = spec->mixture;
  // The experts' own products know no other.
  FIRSTLIGHT_RETURN_IF_ERROR(
      RefuseUnless(config, "hidden_activation", std::string_view("gelu_pytorch_tanh")));
  for (const std::string_view field : {"num_experts", "top_k_experts", "moe_intermediate_size"}) {
    FIRSTLIGHT_RETURN_IF_ERROR(config.Get(field).status());
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.num_experts,
                              ReadInteger(config, "num_experts", 1, 1, MixtureLimits::kExperts));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.experts_per_token,
      ReadInteger(config, "top_k_experts", 1, 1,
                  std::min(mixture.num_experts, MixtureLimits::kExpertsPerToken)));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      mixture.intermediate_size,
      ReadInteger(config, "moe_intermediate_size", 1, 1, SizeLimits::kIntermediate));
  mixture.layers.assign(static_cast<size_t>(spec->num_hidden_layers), true);
  mixture.beside_mlp = true;
  mixture.router_scale = true;
  mixture.expert_scale = true;
  mixture.routing.normalize = true;
  mixture.activation = GatedActivation::kGeglu;
  mixture.names.fused = {
      FusedExpertNames{"router.proj", "experts.gate_up_proj", "experts.down_proj"}};
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> ReadText(const JsonValue& config, const Defaults& defaults) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 262144,
                           .hidden_size = 2304,
                           .intermediate_size = 9216,
                           .num_hidden_layers = 30,
                           .num_attention_heads = 8,
                           .num_key_value_heads = 4,
                           .head_dim = 256,
                           .max_position_embeddings = defaults.max_position_embeddings,
                           .activation = "gelu_pytorch_tanh",
                           .tied = true,
                           .eos_token_ids = {1},
                           .rope = std::nullopt,
                           .activation_field = "hidden_activation"}));
  DecoderSpec& spec = model.spec;
  // "vision" is of tokens that are no text.
  FIRSTLIGHT_RETURN_IF_ERROR(
      RefuseUnless(config, "use_bidirectional_attention", std::string_view("vision")));
  spec.ropes = {RopeSpec()};
  FIRSTLIGHT_RETURN_IF_ERROR(ReadLayers(config, defaults, model.context_length, &spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadSharedLayers(config, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.attention.scale = 1.0;
  spec.attention.value_norm = true;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.norm = spec.norm;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.soft_cap,
                              ReadNumber(config, "final_logit_softcapping", 0.0, 1e-6, 1e9));
  spec.embedding.multiplier = std::sqrt(static_cast<double>(spec.hidden_size));
  spec.residual.norm_after = true;
  spec.residual.layer_scalar = true;
  spec.names.attention_output_norm = "post_attention_layernorm";
  spec.names.feed_forward_norm = "pre_feedforward_layernorm";
  spec.names.feed_forward_output_norm = "post_feedforward_layernorm";
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExpertsBesideMlp(config, &spec));
  if (defaults.per_layer_input > 0) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.per_layer_input.size,
                                ReadInteger(config, "hidden_size_per_layer_input",
                                            defaults.per_layer_input, 0, SizeLimits::kHidden));
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        spec.per_layer_input.rows,
        ReadInteger(config, "vocab_size_per_layer_input", 262144, 1, SizeLimits::kVocabulary));
    if (spec.per_layer_input.enabled() && spec.per_layer_input.rows < spec.vocab_size) {
      return config.Error(StrCat("expected vocab_size_per_layer_input rows for the ",
                                 spec.vocab_size, " tokens, found ", spec.per_layer_input.rows));
    }
  }
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGemma4TextConfig(const JsonValue& config) {
  return ReadText(config,
                  {.max_position_embeddings = 131072, .window = 512, .per_layer_input = 256});
}

absl::StatusOr<ModelConfig> ReadGemma4UnifiedTextConfig(const JsonValue& config) {
  return ReadText(config,
                  {.max_position_embeddings = 262144, .window = 1024, .per_layer_input = 0});
}

absl::StatusOr<ModelConfig> ReadGemma4Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type,
                              config.GetString("model_type", "gemma4"));
  const JsonValue text = TextConfig(config);
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, type == "gemma4_unified"
                                                     ? ReadGemma4UnifiedTextConfig(text)
                                                     : ReadGemma4TextConfig(text));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.eos_token_ids,
                              ReadTokenIds(config, "eos_token_id", model.eos_token_ids));
  return model;
}

}  // namespace firstlight
