// PhiMoE (Phi-3.5-MoE; transformers' models/phimoe): layer norms, and a router that weighs each of
// two experts by those close to it.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

namespace {

// Its longrope turns by the short factors, however long the sequence is, and scales cosines and
// sines by a number of its own: transformers' PhimoeRotaryEmbedding, to the letter.
absl::Status ReadPhimoeRope(const JsonValue& config, ModelConfig* model) {
  DecoderSpec& spec = model->spec;
  RopeSpec rope;
  FIRSTLIGHT_ASSIGN_OR_RETURN(rope,
                              ReadRope(config, {.head_dim = spec.head_dim,
                                                .max_position_embeddings = model->context_length,
                                                .theta = 1e6}));
  if (rope.type != RopeType::kDefault && rope.type != RopeType::kLongrope) {
    return absl::UnimplementedError(
        config.Error("a rope type other than default and longrope is not implemented here")
            .message());
  }
  if (rope.type == RopeType::kLongrope) {
    const std::optional<JsonValue> scaling = config.Find("rope_scaling");
    const JsonValue fields = scaling.has_value() ? *scaling : *config.Get("rope_parameters");
    FIRSTLIGHT_ASSIGN_OR_RETURN(rope.attention_factor, fields.GetDouble("short_mscale"));
    FIRSTLIGHT_RETURN_IF_ERROR(fields.GetDouble("long_mscale").status());
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(fields, "long_mscale", rope.attention_factor));
    rope.long_factor = rope.short_factor;
  }
  spec.ropes = {rope};
  spec.layer_kinds[0].rope = 0;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadPhimoeConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 32064,
                                                   .hidden_size = 4096,
                                                   .intermediate_size = 6400,
                                                   .num_hidden_layers = 32,
                                                   .num_attention_heads = 32,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 131072,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {2},
                                                   .rope = std::nullopt}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadAttentionBias(config, /*default_bias=*/false, &spec));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadPhimoeRope(config, &model));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.head.bias, config.GetBool("lm_head_bias", false));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfEveryLayer(config, std::nullopt, &spec));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(
      config, {.num_experts = "num_local_experts", .default_experts = 16, .default_per_token = 2},
      &mixture));
  // Its mixer chooses two, whatever the field says.
  if (mixture.experts_per_token != 2) {
    return config.Get("num_experts_per_tok")
        ->Error(StrCat("expected 2 with this router, found ", mixture.experts_per_token));
  }
  mixture.intermediate_size = spec.intermediate_size;
  mixture.routing.score = RouterScore::kSparseMixer;
  FIRSTLIGHT_ASSIGN_OR_RETURN(mixture.routing.tolerance,
                              ReadNumber(config, "router_jitter_noise", 0.01, 0.0, 1.0));
  mixture.names.router = "block_sparse_moe.gate";
  mixture.names.experts = "block_sparse_moe.experts.";
  mixture.names.gate = "w1";
  mixture.names.up = "w3";
  mixture.names.down = "w2";
  mixture.names.fused[0].router = "mlp.router";
  MakeEveryLayerAMixture(&spec);
  return model;
}

}  // namespace firstlight
