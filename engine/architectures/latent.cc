// Families of latent attention: DeepSeek-V2 and V3 (arXiv:2405.04434, arXiv:2412.19437), MiniCPM3
// and Youtu, as transformers' models/ of those names have them.

#include <algorithm>
#include <cmath>
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

struct LatentDefaults {
  int64_t rank;
  int64_t query_rank;
  int64_t nope_dim;
  int64_t rope_dim;
  std::optional<int64_t> value_dim;  // unset: hidden_size / num_attention_heads
};

// mscale_all_dim, where rope stretches positions, sharpens the scores.
absl::StatusOr<double> ScoreScale(const JsonValue& config, int64_t head_dim, const RopeSpec& rope) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  if (rope.type == RopeType::kDefault) return scale;
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<JsonValue> found = config.Find(key);
    if (!found.has_value() || !found->Find("mscale_all_dim").has_value()) continue;
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double all,
                                ReadNumber(*found, "mscale_all_dim", 0.0, 0.0, 1e3));
    if (rope.factor <= 1.0) return scale;
    const double mscale = 0.1 * all * std::log(rope.factor) + 1.0;
    return scale * mscale * mscale;
  }
  return scale;
}

absl::StatusOr<std::vector<RopeSpec>> ReadRopes(const JsonValue& config, int64_t rope_dim,
                                                int64_t max_position_embeddings) {
  std::vector<RopeSpec> ropes(1);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ropes[0],
      ReadRope(config, {.head_dim = rope_dim, .max_position_embeddings = max_position_embeddings}));
  return ropes;
}

// Heads, and the projections between which keys and values are low-rank.
absl::StatusOr<ModelConfig> ReadLatent(const JsonValue& config, DecoderFields fields,
                                       const LatentDefaults& defaults) {
  LatentSpec latent;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      latent.rank, ReadInteger(config, "kv_lora_rank", defaults.rank, 1, SizeLimits::kHidden));
  if (!IsNull(config, "q_lora_rank")) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        latent.query_rank,
        ReadInteger(config, "q_lora_rank", defaults.query_rank, 1, SizeLimits::kHidden));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t nope_dim,
      ReadInteger(config, "qk_nope_head_dim", defaults.nope_dim, 1, SizeLimits::kHeadDim / 2));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const int64_t rope_dim,
      ReadInteger(config, "qk_rope_head_dim", defaults.rope_dim, 2, SizeLimits::kHeadDim / 2));
  if (rope_dim % 2 != 0) {
    return config.Error(StrCat("expected an even qk_rope_head_dim, found ", rope_dim));
  }
  fields.head_dim_field = {};
  fields.rope = std::nullopt;
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, fields));
  DecoderSpec& spec = model.spec;
  if (spec.num_key_value_heads != spec.num_attention_heads) {
    return config.Error(
        StrCat("expected as many num_key_value_heads as num_attention_heads with latent attention, "
               "found ",
               spec.num_key_value_heads, " and ", spec.num_attention_heads));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(latent.value_dim,
                              ReadInteger(config, "v_head_dim",
                                          defaults.value_dim.value_or(std::max<int64_t>(
                                              spec.hidden_size / spec.num_attention_heads, 1)),
                                          1, SizeLimits::kHeadDim));
  FIRSTLIGHT_ASSIGN_OR_RETURN(latent.bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = latent.bias;
  spec.head_dim = nope_dim + rope_dim;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.ropes, ReadRopes(config, rope_dim, model.context_length));
  spec.layer_kinds[0].rope = 0;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.scale,
                              ScoreScale(config, spec.head_dim, spec.ropes[0]));
  spec.latent = latent;
  return model;
}

absl::Status ReadInterleave(const JsonValue& config, DecoderSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool interleave, config.GetBool("rope_interleave", true));
  spec->ropes[0].pairing = interleave ? RopePairing::kNeighbours : RopePairing::kHalves;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadDeepseekV2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadLatent(
          config,
          {.vocab_size = 102400,
           .hidden_size = 4096,
           .intermediate_size = 11008,
           .num_hidden_layers = 32,
           .num_attention_heads = 32,
           .max_position_embeddings = 2048,
           .eos_token_ids = {2}},
          {.rank = 512, .query_rank = 1536, .nope_dim = 128, .rope_dim = 64, .value_dim = 128}));
  DecoderSpec& spec = model.spec;
  spec.ropes[0].pairing = RopePairing::kNeighbours;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeepseekExperts(config,
                                                 {.experts = 64,
                                                  .per_token = std::nullopt,
                                                  .intermediate_size = 1407,
                                                  .shared_experts = 2,
                                                  .groups = 1,
                                                  .groups_per_token = 1,
                                                  .normalize = false,
                                                  .scaling_factor = 1.0,
                                                  .first_dense_layers = 0,
                                                  .version_2 = true},
                                                 &spec));
  spec.mixture.shared_bias = spec.feed_forward.bias;
  return model;
}

absl::StatusOr<ModelConfig> ReadDeepseekV3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadLatent(
          config,
          {.vocab_size = 129280,
           .hidden_size = 7168,
           .intermediate_size = 18432,
           .num_hidden_layers = 61,
           .num_attention_heads = 128,
           .num_key_value_heads = 128,
           .max_position_embeddings = 4096,
           .eos_token_ids = {1}},
          {.rank = 512, .query_rank = 1536, .nope_dim = 128, .rope_dim = 64, .value_dim = 128}));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadInterleave(config, &model.spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadDeepseekExperts(config,
                                                 {.experts = 256,
                                                  .per_token = 8,
                                                  .intermediate_size = 2048,
                                                  .shared_experts = 1,
                                                  .groups = 8,
                                                  .groups_per_token = 4,
                                                  .normalize = true,
                                                  .scaling_factor = 2.5,
                                                  .first_dense_layers = 3},
                                                 &model.spec));
  return model;
}

absl::StatusOr<ModelConfig> ReadMiniCpm3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadLatent(config,
                                                            {.vocab_size = 73448,
                                                             .hidden_size = 2560,
                                                             .intermediate_size = 6400,
                                                             .num_hidden_layers = 62,
                                                             .num_attention_heads = 40,
                                                             .num_key_value_heads = 40,
                                                             .max_position_embeddings = 32768,
                                                             .norm_eps = 1e-5,
                                                             .tied = true,
                                                             .eos_token_ids = {2}},
                                                            {.rank = 256,
                                                             .query_rank = 768,
                                                             .nope_dim = 64,
                                                             .rope_dim = 32,
                                                             .value_dim = std::nullopt}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.feed_forward.bias, config.GetBool("mlp_bias", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.embedding.multiplier,
                              ReadNumber(config, "scale_emb", 12.0, -1e6, 1e6));
  // Null is no scaling; left out is the class's own.
  const double root_of_layers = std::sqrt(static_cast<double>(spec.num_hidden_layers));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const double depth,
      ReadNumber(config, "scale_depth", IsNull(config, "scale_depth") ? root_of_layers : 1.4, -1e6,
                 1e6));
  spec.residual.multiplier = depth / root_of_layers;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t base_size,
                              ReadInteger(config, "dim_model_base",
                                          IsNull(config, "dim_model_base") ? spec.hidden_size : 256,
                                          1, SizeLimits::kHidden));
  spec.head.multiplier = static_cast<double>(base_size) / static_cast<double>(spec.hidden_size);
  return model;
}

absl::StatusOr<ModelConfig> ReadYoutuConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model,
      ReadLatent(
          config,
          {.vocab_size = 128256,
           .hidden_size = 2048,
           .intermediate_size = 6144,
           .num_hidden_layers = 32,
           .num_attention_heads = 16,
           .num_key_value_heads = 16,
           .max_position_embeddings = 131072,
           .tied = true,
           .eos_token_ids = {128001}},
          {.rank = 512, .query_rank = 1536, .nope_dim = 128, .rope_dim = 64, .value_dim = 128}));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadInterleave(config, &model.spec));
  return model;
}

}  // namespace firstlight
