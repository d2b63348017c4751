#include "engine/architectures/decoder_fields.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/architectures/config_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::Status Unimplemented(const JsonValue& found, std::string_view what) {
  return absl::UnimplementedError(found.Error(what).message());
}

absl::StatusOr<int64_t> ReadSize(const JsonValue& config, std::string_view field, int64_t otherwise,
                                 int64_t maximum) {
  if (field.empty()) return otherwise;
  return ReadInteger(config, field, otherwise, 1, maximum);
}

// A class that has a name of its own for a field takes the common one as well (attribute_map).
std::string_view NameOf(const JsonValue& config, std::string_view own, std::string_view common) {
  const bool by_common = !own.empty() && own != common && !config.Find(own).has_value() &&
                         config.Find(common).has_value();
  return by_common ? common : own;
}

absl::Status ReadHeads(const JsonValue& config, const DecoderFields& fields, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->num_attention_heads,
                              ReadSize(config, fields.num_attention_heads_field,
                                       fields.num_attention_heads, SizeLimits::kHeads));
  // Null is as many as attention heads, whatever the class's default for a field left out.
  const std::string_view key_value_field = fields.num_key_value_heads_field;
  const int64_t key_value_heads =
      !key_value_field.empty() && IsNull(config, key_value_field)
          ? spec->num_attention_heads
          : fields.num_key_value_heads.value_or(spec->num_attention_heads);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->num_key_value_heads,
      ReadSize(config, key_value_field, key_value_heads, SizeLimits::kHeads));
  if (spec->num_attention_heads % spec->num_key_value_heads != 0) {
    return config.Error(
        StrCat("expected num_attention_heads to be a multiple of num_key_value_heads, found ",
               spec->num_attention_heads, " and ", spec->num_key_value_heads));
  }
  const bool given = !fields.head_dim_field.empty() &&
                     (config.Find(fields.head_dim_field).has_value() ||
                      (fields.head_dim.has_value() && !IsNull(config, fields.head_dim_field)));
  if (!given && spec->hidden_size % spec->num_attention_heads != 0) {
    return config.Error(StrCat(
        "expected hidden_size to be a multiple of num_attention_heads where there is no head_dim, "
        "found ",
        spec->hidden_size, " and ", spec->num_attention_heads));
  }
  const int64_t derived = spec->hidden_size / spec->num_attention_heads;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->head_dim,
      ReadSize(config, fields.head_dim_field, given ? fields.head_dim.value_or(derived) : derived,
               SizeLimits::kHeadDim));
  if (spec->head_dim > SizeLimits::kHeadDim ||
      (fields.rope.has_value() && spec->head_dim % 2 != 0)) {
    return config.Error(StrCat("expected an even head_dim in [2, ", SizeLimits::kHeadDim,
                               "], found ", spec->head_dim));
  }
  spec->attention.scale = 1.0 / std::sqrt(static_cast<double>(spec->head_dim));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadDecoder(const JsonValue& config,
                                        const DecoderFields& class_fields) {
  DecoderFields fields = class_fields;
  for (const auto& [own, common] :
       {std::pair(&fields.hidden_size_field, "hidden_size"),
        {&fields.num_hidden_layers_field, "num_hidden_layers"},
        {&fields.num_attention_heads_field, "num_attention_heads"},
        {&fields.max_position_embeddings_field, "max_position_embeddings"}}) {
    *own = NameOf(config, *own, common);
  }
  ModelConfig model;
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.vocab_size, ReadInteger(config, "vocab_size", fields.vocab_size,
                                                           1, SizeLimits::kVocabulary));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.hidden_size, ReadSize(config, fields.hidden_size_field,
                                                         fields.hidden_size, SizeLimits::kHidden));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec.intermediate_size,
      ReadSize(config, fields.intermediate_size_field,
               fields.intermediate_size.value_or(4 * spec.hidden_size), SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.num_hidden_layers,
                              ReadSize(config, fields.num_hidden_layers_field,
                                       fields.num_hidden_layers, SizeLimits::kLayers));
  if (fields.attends) FIRSTLIGHT_RETURN_IF_ERROR(ReadHeads(config, fields, &spec));
  spec.norm.eps = fields.norm_eps;
  if (!fields.norm_eps_field.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        spec.norm.eps, ReadNumber(config, fields.norm_eps_field, fields.norm_eps, 0.0, 1.0));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.tied, config.GetBool("tie_word_embeddings", fields.tied));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.activation,
                              ReadActivation(config, fields.activation_field, fields.activation));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.context_length,
                              ReadSize(config, fields.max_position_embeddings_field,
                                       fields.max_position_embeddings, SizeLimits::kPositions));
  if (fields.rope.has_value()) {
    RopeContext rope = *fields.rope;
    rope.head_dim = spec.head_dim;
    rope.max_position_embeddings = model.context_length;
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.ropes[0], ReadRope(config, rope));
    if (spec.ropes[0].type == RopeType::kDynamic) {
      const double stretched = static_cast<double>(model.context_length) * spec.ropes[0].factor;
      model.context_length =
          static_cast<int64_t>(std::min(stretched, static_cast<double>(SizeLimits::kPositions)));
    }
  } else {
    spec.ropes.clear();
    spec.layer_kinds[0].rope = -1;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.eos_token_ids,
                              ReadTokenIds(config, "eos_token_id", fields.eos_token_ids));
  return model;
}

absl::Status RefuseUnless(const JsonValue& config, std::string_view field, bool expected) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool value, config.GetBool(field, expected));
  if (value == expected) return absl::OkStatus();
  return Unimplemented(*config.Get(field), StrCat(value ? "true" : "false", " is not implemented"));
}

absl::Status RefuseUnless(const JsonValue& config, std::string_view field, double expected) {
  const std::optional<JsonValue> found = config.Find(field);
  if (!found.has_value()) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double value, found->AsDouble());
  if (value == expected) return absl::OkStatus();
  return Unimplemented(*found, StrCat(value, " is not implemented"));
}

absl::Status RefuseUnless(const JsonValue& config, std::string_view field,
                          std::string_view expected) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view value, config.GetString(field, expected));
  if (value == expected) return absl::OkStatus();
  return Unimplemented(*config.Get(field), StrCat(Quoted(value), " is not implemented"));
}

absl::Status RefusePresent(const JsonValue& config, std::string_view field) {
  const std::optional<JsonValue> found = config.Find(field);
  return found.has_value() ? Unimplemented(*found, "is not implemented") : absl::OkStatus();
}

absl::StatusOr<Activation> ReadActivation(const JsonValue& config, std::string_view field,
                                          std::string_view otherwise) {
  std::string_view name = otherwise;
  if (!field.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(name, config.GetString(field, otherwise));
  }
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu" || name == "gelu_python") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh" ||
      name == "gelu_python_tanh" || name == "gelu_accurate") {
    return Activation::kGeluTanh;
  }
  if (name == "quick_gelu") return Activation::kQuickGelu;
  if (name == "relu") return Activation::kRelu;
  if (name == "relu2") return Activation::kReluSquared;
  if (name == "xielu") return Activation::kXielu;
  return Unimplemented(
      *config.Get(field),
      StrCat("activation ", Quoted(name),
             " is not implemented; known are silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, "
             "quick_gelu, relu, relu2, xielu"));
}

absl::StatusOr<int64_t> ReadWindow(const JsonValue& config, std::string_view field,
                                   std::optional<int64_t> otherwise) {
  if (IsNull(config, field)) return 0;
  return ReadInteger(config, field, otherwise.value_or(0), 1, SizeLimits::kPositions);
}

absl::StatusOr<std::vector<bool>> ReadSlidingLayers(
    const JsonValue& config, int64_t layers, const std::function<bool(int64_t layer)>& otherwise) {
  std::vector<bool> sliding;
  const std::optional<JsonValue> found = config.Find("layer_types");
  if (!found.has_value()) {
    for (int64_t layer = 0; layer < layers; ++layer) sliding.push_back(otherwise(layer));
    return sliding;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray types, found->AsArray());
  for (const JsonValue value : types) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, value.AsString());
    if (type != "full_attention" && type != "sliding_attention") {
      return Unimplemented(value, StrCat("layers of type ", Quoted(type),
                                         " are not implemented; known are full_attention, "
                                         "sliding_attention"));
    }
    sliding.push_back(type == "sliding_attention");
  }
  if (static_cast<int64_t>(sliding.size()) < layers) {
    return found->Error(
        StrCat("expected ", layers, " of them, one a layer, found ", sliding.size()));
  }
  sliding.resize(static_cast<size_t>(layers));
  return sliding;
}

void SetLayerKinds(const std::vector<LayerKind>& layers, DecoderSpec* spec) {
  spec->layer_kinds.clear();
  spec->kind_of_layer.clear();
  for (const LayerKind& layer : layers) {
    const auto known = std::find(spec->layer_kinds.begin(), spec->layer_kinds.end(), layer);
    spec->kind_of_layer.push_back(known - spec->layer_kinds.begin());
    if (known == spec->layer_kinds.end()) spec->layer_kinds.push_back(layer);
  }
  if (spec->layer_kinds.size() == 1) spec->kind_of_layer.clear();
}

absl::Status SetSlidingLayers(const JsonValue& config, const std::vector<bool>& sliding,
                              const LayerKind& full, const LayerKind& slides, DecoderSpec* spec) {
  std::vector<LayerKind> layers;
  for (const bool of_layer : sliding) {
    if (of_layer && slides.window == 0) {
      return config.Error("expected a sliding_window where layers slide, found none");
    }
    layers.push_back(of_layer ? slides : full);
  }
  SetLayerKinds(layers, spec);
  return absl::OkStatus();
}

absl::Status RequireRopeOfLayers(const JsonValue& config, const std::vector<bool>& sliding) {
  const std::optional<JsonValue> ropes = config.Find("rope_parameters");
  if (!ropes.has_value()) return absl::OkStatus();
  for (const bool slides : sliding) {
    FIRSTLIGHT_RETURN_IF_ERROR(
        ropes->Get(slides ? "sliding_attention" : "full_attention").status());
  }
  return absl::OkStatus();
}

absl::Status ReadQwenWindows(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool slides, config.GetBool("use_sliding_window", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(int64_t window, ReadWindow(config, "sliding_window", 4096));
  if (!slides) window = 0;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t first,
                              ReadInteger(config, "max_window_layers", 28, 0, SizeLimits::kLayers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      ReadSlidingLayers(config, spec->num_hidden_layers,
                        [&](int64_t layer) { return window > 0 && layer >= first; }));
  return SetSlidingLayers(config, sliding, {}, {.window = window}, spec);
}

absl::Status ReadBiases(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->attention.qkv_bias, config.GetBool("attention_bias", false));
  spec->attention.output_bias = spec->attention.qkv_bias;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->feed_forward.bias, config.GetBool("mlp_bias", false));
  return absl::OkStatus();
}

JsonValue TextConfig(const JsonValue& config) {
  const std::optional<JsonValue> text = config.Find("text_config");
  return text.value_or(config);
}

}  // namespace firstlight
