// What the families of mixtures and of latent attention make of their configurations: their
// classes' own defaults, and refusals of what they would compute otherwise.

#include <string>

#include "engine/model_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<ModelConfig> Parse(std::string_view family, std::string_view more = "") {
  const auto document = JsonDocument::Parse(
      "config.json", StrCat(R"({"architectures": [")", family, R"(ForCausalLM"])", more, "}"));
  if (!document.ok()) return document.status();
  return ParseModelConfig(**document);
}

TEST(MixtureDefaultsTest, AreTheClasses) {
  const auto config = Parse("Qwen3Moe");
  ASSERT_THAT(config, IsOk());
  const MixtureSpec& mixture = config->spec.mixture;
  EXPECT_EQ(mixture.num_experts, 128);
  EXPECT_EQ(mixture.experts_per_token, 8);
  EXPECT_EQ(mixture.intermediate_size, 768);
  EXPECT_FALSE(mixture.routing.normalize);
  EXPECT_EQ(mixture.layers.size(), 24U);
  EXPECT_THAT(mixture.layers, Each(true));
  EXPECT_EQ(config->spec.intermediate_size, 0) << "no layer has an MLP of its own";
}

TEST(MixtureDefaultsTest, DeepseekV3) {
  const auto config = Parse("DeepseekV3");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.mixture.routing, (RoutingSpec{.score = RouterScore::kSigmoid,
                                               .normalize = true,
                                               .scaling_factor = 2.5,
                                               .groups = 8,
                                               .groups_per_token = 4,
                                               .group_score = GroupScore::kTwoGreatestTogether}));
  EXPECT_EQ(spec.latent.rank, 512);
  EXPECT_EQ(spec.latent.query_rank, 1536);
  EXPECT_EQ(spec.head_dim, 192);
  EXPECT_EQ(spec.heads(0).value_dim, 128);
  EXPECT_EQ(spec.ropes[0].rotary_dim, 64);
  EXPECT_EQ(spec.ropes[0].pairing, RopePairing::kNeighbours);
  EXPECT_FALSE(spec.mixture.IsMixture(2));
  EXPECT_TRUE(spec.mixture.IsMixture(3));
}

TEST(MixtureDefaultsTest, GptOssStretchesPositionsUnlessTold) {
  const auto silent = Parse("GptOss");
  ASSERT_THAT(silent, IsOk());
  EXPECT_EQ(silent->spec.ropes[0].type, RopeType::kYarn);
  EXPECT_EQ(silent->spec.ropes[0].factor, 32.0);
  EXPECT_EQ(silent->spec.kind(0).window, 128);
  EXPECT_EQ(silent->spec.kind(1).window, 0);
  const auto told = Parse("GptOss", R"(, "rope_parameters": {"rope_type": "default"})");
  ASSERT_THAT(told, IsOk());
  EXPECT_EQ(told->spec.ropes[0].type, RopeType::kDefault);
}

TEST(MixtureDefaultsTest, NullIsNotTheDefault) {
  const auto config = Parse("MiniCPM3", R"(, "q_lora_rank": null, "scale_depth": null,
                                          "dim_model_base": null)");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->spec.latent.query_rank, 0);
  EXPECT_EQ(config->spec.residual.multiplier, 1.0);
  EXPECT_EQ(config->spec.head.multiplier, 1.0);
}

TEST(MixtureLayersTest, StepsAndExceptions) {
  const auto config = Parse("Qwen2Moe", R"(, "num_hidden_layers": 6, "decoder_sparse_step": 2,
                                          "mlp_only_layers": [3])");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->spec.mixture.layers, ElementsAre(false, true, false, false, false, true));
}

TEST(MixtureNamesTest, BothNamesOfPhimoeAreKnown) {
  const auto published = Parse("PhiMoE");
  const auto renamed = Parse("Phimoe");
  ASSERT_THAT(published, IsOk());
  ASSERT_THAT(renamed, IsOk());
  EXPECT_EQ(published->spec, renamed->spec);
}

struct Refusal {
  std::string_view family;
  std::string_view members;
  absl::StatusCode code;
  std::string_view message;
};

class RefusedMixtureTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedMixtureTest, SaysWhatWasExpectedAndFound) {
  EXPECT_THAT(Parse(GetParam().family, GetParam().members),
              StatusIs(GetParam().code, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Families, RefusedMixtureTest,
    testing::Values(
        Refusal{"Mixtral", R"(, "num_local_experts": 0)", kInvalid, "in [1, 4096], found 0"},
        Refusal{"Mixtral", R"(, "num_local_experts": 4, "num_experts_per_tok": 5)", kInvalid,
                "of at most the 4 of num_local_experts, found 5"},
        Refusal{"Mixtral", R"(, "hidden_act": "gelu")", kUnimplemented, "\"hidden_act\""},
        Refusal{"Mixtral", R"(, "num_local_experts": "many")", kInvalid, "\"num_local_experts\""},
        Refusal{"Mixtral", R"(, "quantization_config": {"quant_method": "mxfp4"})", kUnimplemented,
                "\"quantization_config\""},
        Refusal{"GptOss", R"(, "quantization_config": {"quant_method": "fp8"})", kUnimplemented,
                "\"quantization_config\""},
        Refusal{"GptOss", R"(, "layer_types": ["full_attention"])", kInvalid, "\"layer_types\""},
        Refusal{"Qwen2Moe", R"(, "decoder_sparse_step": 0)", kInvalid, "\"decoder_sparse_step\""},
        Refusal{"Qwen2Moe", R"(, "mlp_only_layers": ["first"])", kInvalid, "mlp_only_layers"},
        Refusal{"Qwen2Moe", R"(, "use_sliding_window": true, "max_window_layers": -1)", kInvalid,
                "\"max_window_layers\""},
        Refusal{"Phimoe", R"(, "num_experts_per_tok": 3)", kInvalid,
                "expected 2 with this router, found 3"},
        Refusal{"Phimoe", R"(, "rope_scaling": {"type": "linear", "factor": 2.0})", kUnimplemented,
                "rope type"},
        Refusal{"Dots1", "", kInvalid, "n_routed_experts"},
        Refusal{"Glm4Moe", R"(, "head_dim": 128, "n_group": 3)", kInvalid,
                "n_group to divide the 128 experts, found 3"},
        Refusal{"DeepseekV3", R"(, "topk_group": 9)", kInvalid, "\"topk_group\""},
        Refusal{"DeepseekV3", R"(, "n_group": 256, "topk_group": 8)", kInvalid,
                "groups of two experts or more"},
        Refusal{"DeepseekV3", R"(, "n_group": 64, "topk_group": 1)", kInvalid,
                "to hold the 8 experts of a token, found 1"},
        Refusal{"DeepseekV3", R"(, "qk_rope_head_dim": 5)", kInvalid,
                "expected an even qk_rope_head_dim, found 5"},
        Refusal{"DeepseekV3", R"(, "num_key_value_heads": 8)", kInvalid,
                "with latent attention, found 8 and 128"},
        Refusal{"DeepseekV3", R"(, "n_shared_experts": 100000)", kInvalid, "\"n_shared_experts\""},
        Refusal{"DeepseekV2", R"(, "num_experts_per_tok": 6, "topk_method": "noaux_tc")",
                kUnimplemented, "noaux_tc"},
        Refusal{"Ernie4_5_Moe", R"(, "moe_layer_interval": 0)", kInvalid,
                "\"moe_layer_interval\""}));

}  // namespace
}  // namespace firstlight
