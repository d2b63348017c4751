// Llama (Touvron et al., arXiv:2302.13971; transformers' models/llama), and Mistral, which is the
// same decoder with other defaults and a sliding window.

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Where the configuration classes differ.
struct ClassDefaults {
  int64_t intermediate_size;
  int64_t max_position_embeddings;
  std::optional<int64_t> num_key_value_heads;  // unset: as many as attention heads
};

absl::Status CheckActivation(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, config.GetString("hidden_act", "silu"));
  if (name == "silu" || name == "swish") return absl::OkStatus();
  return absl::UnimplementedError(
      config.Get("hidden_act")
          ->Error(StrCat("activation ", Quoted(name), " is not implemented; known is silu"))
          .message());
}

absl::Status ReadHeads(const JsonValue& config, const ClassDefaults& defaults, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->num_attention_heads, ReadInteger(config, "num_attention_heads",
                                                                     32, 1, SizeLimits::kHeads));
  // Null is as many as attention heads, whatever the class's default for a field left out.
  constexpr std::string_view kKeyValueHeads = "num_key_value_heads";
  const int64_t key_value_heads =
      IsNull(config, kKeyValueHeads)
          ? spec->num_attention_heads
          : defaults.num_key_value_heads.value_or(spec->num_attention_heads);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->num_key_value_heads,
      ReadInteger(config, kKeyValueHeads, key_value_heads, 1, SizeLimits::kHeads));
  if (spec->num_attention_heads % spec->num_key_value_heads != 0) {
    return config.Error(
        StrCat("expected num_attention_heads to be a multiple of num_key_value_heads, found ",
               spec->num_attention_heads, " and ", spec->num_key_value_heads));
  }
  if (!config.Find("head_dim").has_value() && spec->hidden_size % spec->num_attention_heads != 0) {
    return config.Error(StrCat(
        "expected hidden_size to be a multiple of num_attention_heads where there is no head_dim, "
        "found ",
        spec->hidden_size, " and ", spec->num_attention_heads));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->head_dim, ReadInteger(config, "head_dim", spec->hidden_size / spec->num_attention_heads,
                                  2, SizeLimits::kHeadDim));
  if (spec->head_dim % 2 != 0 || spec->head_dim > SizeLimits::kHeadDim) {
    return config.Error(StrCat("expected an even head_dim in [2, ", SizeLimits::kHeadDim,
                               "], found ", spec->head_dim));
  }
  spec->attention_scale = 1.0 / std::sqrt(static_cast<double>(spec->head_dim));
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> ReadCommon(const JsonValue& config, const ClassDefaults& defaults) {
  ModelConfig model;
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.vocab_size,
                              ReadInteger(config, "vocab_size", 32000, 1, SizeLimits::kVocabulary));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.hidden_size,
                              ReadInteger(config, "hidden_size", 4096, 1, SizeLimits::kHidden));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.intermediate_size,
                              ReadInteger(config, "intermediate_size", defaults.intermediate_size,
                                          1, SizeLimits::kIntermediate));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.num_hidden_layers,
                              ReadInteger(config, "num_hidden_layers", 32, 1, SizeLimits::kLayers));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadHeads(config, defaults, &spec));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.rms_norm_eps,
                              ReadNumber(config, "rms_norm_eps", 1e-6, 0.0, 1.0));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.tie_word_embeddings,
                              config.GetBool("tie_word_embeddings", false));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckActivation(config));

  FIRSTLIGHT_ASSIGN_OR_RETURN(model.context_length, ReadInteger(config, "max_position_embeddings",
                                                                defaults.max_position_embeddings, 1,
                                                                SizeLimits::kPositions));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.rope, ReadRope(config, spec.head_dim, model.context_length));
  if (spec.rope.type == RopeType::kDynamic) {
    const double stretched = static_cast<double>(model.context_length) * spec.rope.factor;
    model.context_length =
        static_cast<int64_t>(std::min(stretched, static_cast<double>(SizeLimits::kPositions)));
  }

  FIRSTLIGHT_ASSIGN_OR_RETURN(model.eos_token_ids, ReadTokenIds(config, "eos_token_id", {2}));
  return model;
}

// A window at least as long as any sequence hides nothing. A shorter one does.
absl::Status CheckSlidingWindow(const JsonValue& config, int64_t context_length) {
  constexpr std::string_view kField = "sliding_window";
  constexpr int64_t kClassDefault = 4096;
  if (IsNull(config, kField)) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t window, ReadInteger(config, kField, kClassDefault, 1, SizeLimits::kPositions));
  if (window >= context_length) return absl::OkStatus();
  return absl::UnimplementedError(
      config
          .Error(StrCat("sliding_window of ", window,
                        config.Find(kField).has_value() ? "" : " (MistralConfig's default)",
                        " below the context of ", context_length,
                        " is not implemented; null means none"))
          .message());
}

}  // namespace

absl::StatusOr<ModelConfig> ReadLlamaConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadCommon(config, {.intermediate_size = 11008,
                                                  .max_position_embeddings = 2048,
                                                  .num_key_value_heads = std::nullopt}));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.spec.attention_bias, config.GetBool("attention_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.spec.mlp_bias, config.GetBool("mlp_bias", false));
  return model;
}

absl::StatusOr<ModelConfig> ReadMistralConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadCommon(config, {.intermediate_size = 14336,
                                                  .max_position_embeddings = 131072,
                                                  .num_key_value_heads = 8}));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSlidingWindow(config, model.context_length));
  return model;
}

}  // namespace firstlight
