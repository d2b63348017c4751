// GPT-Neo (Black et al., 2021; transformers' models/gpt_neo): learned positions, layers that see
// all or a window, scores that are not scaled.

#include <optional>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

namespace {

// [[["global", "local"], 12], ...]: each list so many times over.
absl::StatusOr<std::vector<bool>> ReadLocalLayers(const JsonValue& config, int64_t count) {
  std::vector<bool> local;
  const std::optional<JsonValue> types = config.Find("attention_types");
  if (!types.has_value()) {
    for (int64_t layer = 0; layer < count; ++layer) local.push_back(layer % 2 == 1);
    return local;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray runs, types->AsArray());
  for (const JsonValue run : runs) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray parts, run.AsArray());
    if (parts.size() != 2) return run.Error("expected a list of types and how often it repeats");
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray names, (*parts.begin()).AsArray());
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t times, (*++parts.begin()).AsInt64());
    for (int64_t i = 0; i < times && static_cast<int64_t>(local.size()) < count; ++i) {
      for (const JsonValue value : names) {
        FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, value.AsString());
        if (name != "global" && name != "local") return value.Error("expected global or local");
        local.push_back(name == "local");
      }
      if (names.size() == 0) break;
    }
  }
  if (static_cast<int64_t>(local.size()) < count) {
    return types->Error("expected a type for each layer");
  }
  local.resize(static_cast<size_t>(count));
  return local;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGptNeoConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50257,
                                                   .hidden_size = 2048,
                                                   .intermediate_size = std::nullopt,
                                                   .num_hidden_layers = 24,
                                                   .num_attention_heads = 16,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu_new",
                                                   .tied = true,
                                                   .eos_token_ids = {50256},
                                                   .rope = std::nullopt,
                                                   .num_hidden_layers_field = "num_layers",
                                                   .num_attention_heads_field = "num_heads",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = "activation_function"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t window,
                              ReadInteger(config, "window_size", 256, 1, SizeLimits::kPositions));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<bool> local,
                              ReadLocalLayers(config, spec.num_hidden_layers));
  FIRSTLIGHT_RETURN_IF_ERROR(
      SetSlidingLayers(config, local, {.rope = -1}, {.window = window, .rope = -1}, &spec));
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  spec.embedding.position_rows = model.context_length;
  spec.attention.scale = 1.0;
  spec.attention.output_bias = true;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "wte";
  spec.names.positions = "wpe";
  spec.names.layer = "h.";
  spec.names.input_norm = "ln_1";
  spec.names.query = "attn.attention.q_proj";
  spec.names.key = "attn.attention.k_proj";
  spec.names.value = "attn.attention.v_proj";
  spec.names.attention_output = "attn.attention.out_proj";
  spec.names.feed_forward_norm = "ln_2";
  spec.names.up = "mlp.c_fc";
  spec.names.down = "mlp.c_proj";
  spec.names.final_norm = "ln_f";
  return model;
}

}  // namespace firstlight
