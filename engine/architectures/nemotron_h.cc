// Nemotron-H and Nemotron 3 (NVIDIA, arXiv:2504.03624; transformers' models/nemotron_h): layers of
// one sublayer each, which is Mamba-2, attention without positions, an MLP or a mixture of experts.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "engine/architectures/recurrent_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

using Types = std::vector<std::string_view>;

absl::StatusOr<Types> ReadPattern(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view pattern,
                              config.GetString("hybrid_override_pattern"));
  Types types;
  for (const char letter : pattern) {
    switch (letter) {
      case 'M':
        types.push_back("linear_attention");
        break;
      case 'E':
        types.push_back("moe");
        break;
      case '*':
        types.push_back("full_attention");
        break;
      case '-':
        types.push_back("mlp");
        break;
      default:
        return absl::UnimplementedError(
            config.Get("hybrid_override_pattern")
                ->Error(StrCat("layers ", Quoted(std::string(1, letter)),
                               " are not implemented; known are M, E, * and -"))
                .message());
    }
  }
  return types;
}

// The list says how many layers there are, whatever num_hidden_layers does.
absl::StatusOr<Types> ReadTypes(const JsonValue& config) {
  std::optional<JsonValue> list = config.Find("layer_types");
  if (!list.has_value()) list = config.Find("layers_block_type");
  Types types = {"linear_attention", "moe", "full_attention", "mlp"};
  if (list.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, list->AsArray());
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        types, ReadLayerTypes(config, static_cast<int64_t>(array.size()),
                              {"linear_attention", "moe", "full_attention", "mlp"}, nullptr));
  } else if (config.Find("hybrid_override_pattern").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(types, ReadPattern(config));
  }
  if (types.empty() || static_cast<int64_t>(types.size()) > SizeLimits::kLayers) {
    return config.Error(
        StrCat("expected 1 to ", SizeLimits::kLayers, " layers, found ", types.size()));
  }
  return types;
}

absl::Status ReadNemotronExperts(const JsonValue& config, const Types& types, DecoderSpec* spec) {
  if (spec->feed_forward.activation != Activation::kReluSquared) {
    return absl::UnimplementedError(
        config.Get("mlp_hidden_act")
            ->Error("experts with another than relu2 are not implemented")
            .message());
  }
  FIRSTLIGHT_RETURN_IF_ERROR(RefusePresent(config, "moe_latent_size"));
  const int64_t size = spec->intermediate_size;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeepseekExperts(config,
                                                 {.experts = 8,
                                                  .per_token = 2,
                                                  .intermediate_size = 7688,
                                                  .shared_experts = 1,
                                                  .groups = 1,
                                                  .groups_per_token = 1,
                                                  .normalize = true,
                                                  .scaling_factor = 1.0,
                                                  .first_dense_layers = 0},
                                                 spec));
  MixtureSpec& mixture = spec->mixture;
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.shared_intermediate_size,
                              ReadInteger(config, "moe_shared_expert_intermediate_size", 7688, 1,
                                          SizeLimits::kIntermediate));
  mixture.shared_bias = spec->feed_forward.bias;
  mixture.activation = GatedActivation::kReluSquared;
  MixtureNames& names = mixture.names;
  names.router = "mixer.gate";
  names.experts = "mixer.experts.";
  names.correction = "mixer.gate.e_score_correction_bias";
  names.fused_correction = names.correction;
  names.shared_up = "mixer.shared_experts.up_proj";
  names.shared_down = "mixer.shared_experts.down_proj";
  names.fused[0] = {"mixer.gate", "mixer.experts.up_proj", "mixer.experts.down_proj"};
  MakeLayersMixtures([&types](int64_t layer) { return types[static_cast<size_t>(layer)] == "moe"; },
                     spec);
  spec->intermediate_size = size;
  return absl::OkStatus();
}

// A field by its name, or by the one that older files have for it.
std::string_view NameOf(const JsonValue& config, std::string_view older, std::string_view name) {
  return config.Find(older).has_value() ? older : name;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadNemotronHConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Types types, ReadTypes(config));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadDecoder(config, {.vocab_size = 131072,
                           .intermediate_size = 21504,
                           .num_hidden_layers = static_cast<int64_t>(types.size()),
                           .num_key_value_heads = 8,
                           .head_dim = 128,
                           .max_position_embeddings = 4096,
                           .norm_eps = 1e-5,
                           .activation = "relu2",
                           .eos_token_ids = {2},
                           .rope = std::nullopt,
                           .num_hidden_layers_field = {},
                           .norm_eps_field = "layer_norm_epsilon",
                           .activation_field = "mlp_hidden_act"}));
  DecoderSpec& spec = model.spec;
  spec.head.tied = false;  // transformers ties nothing, whatever the field says
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "attention_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  spec.feed_forward.gated = false;
  TensorNames& names = spec.names;
  names.base_prefix = "backbone.";
  names.other_base_prefix = "model.";
  names.embedding = "embeddings";
  names.input_norm = "norm";
  names.feed_forward_norm = "norm";
  names.query = "mixer.q_proj";
  names.key = "mixer.k_proj";
  names.value = "mixer.v_proj";
  names.attention_output = "mixer.o_proj";
  names.up = "mixer.up_proj";
  names.down = "mixer.down_proj";
  names.final_norm = "norm_f";

  std::vector<LayerKind> layers;
  for (const std::string_view type : types) {
    LayerKind kind = {.rope = -1, .mixer = Mixer::kNone};
    if (type == "linear_attention") kind.mixer = Mixer::kRecurrence;
    if (type == "full_attention") kind.mixer = Mixer::kAttention;
    kind.feed_forward = kind.mixer == Mixer::kNone;
    layers.push_back(kind);
  }
  SetLayerKinds(layers, &spec);
  const auto has = [&types](std::string_view type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  if (has("moe")) FIRSTLIGHT_RETURN_IF_ERROR(ReadNemotronExperts(config, types, &spec));
  if (!has("mlp")) spec.intermediate_size = 0;
  if (has("linear_attention")) {
    FIRSTLIGHT_RETURN_IF_ERROR(
        ReadMamba2(config,
                   {.heads = "mamba_num_heads",
                    .head_dim = "mamba_head_dim",
                    .groups = NameOf(config, "mamba_n_groups", "n_groups"),
                    .state_size = "ssm_state_size",
                    .kernel = NameOf(config, "mamba_d_conv", "conv_kernel"),
                    .expand = {},
                    .convolution_bias = NameOf(config, "mamba_conv_bias", "use_conv_bias"),
                    .input_bias = "use_bias",
                    .output_bias = "use_bias",
                    .activation = "mamba_hidden_act",
                    .default_head_dim = 64,
                    .default_groups = 8,
                    .default_state_size = 128,
                    .smallest_step = NameOf(config, "mamba_dt_min", "time_step_min"),
                    .default_smallest_step = 0.001},
                   &spec));
    spec.recurrent.names.prefix = "mixer.";
  }
  return model;
}

}  // namespace firstlight
