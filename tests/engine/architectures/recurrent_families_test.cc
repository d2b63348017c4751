// What the families with recurrent layers make of their configurations: their classes' own
// defaults, and refusals of what they would compute otherwise.

#include <cmath>
#include <string>

#include "engine/model_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<ModelConfig> Parse(std::string_view family, std::string_view more = "") {
  const auto document = JsonDocument::Parse(
      "config.json", StrCat(R"({"architectures": [")", family, R"(ForCausalLM"])", more, "}"),
      {.python_numbers = true});
  if (!document.ok()) return document.status();
  return ParseModelConfig(**document);
}

TEST(RecurrentDefaultsTest, Lfm2) {
  const auto config = Parse("Lfm2", R"(, "full_attn_idxs": [2, 5])");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.intermediate_size, 8192);
  EXPECT_EQ(spec.AttentionLayers(32), 2);
  EXPECT_EQ(spec.RecurrentLayers(32), 30);
  EXPECT_TRUE(spec.kind(5).attends());
  EXPECT_EQ(spec.recurrent.kernel, 3);
  EXPECT_EQ(spec.recurrent.channels(), 2560);
  EXPECT_TRUE(spec.head.tied);
}

TEST(RecurrentDefaultsTest, Lfm3) {
  const auto config = Parse("Lfm3");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_TRUE(spec.kind(0).recurs());
  EXPECT_EQ(spec.kind(2), LayerKind());
  EXPECT_EQ(spec.kind(4), (LayerKind{.window = 256, .rope = 1}));
  EXPECT_EQ(spec.ropes[0].type, RopeType::kProportional);
  EXPECT_EQ(spec.ropes[0].turning_pairs, 32);
  EXPECT_EQ(spec.ropes[1].theta, 10000.0);
  EXPECT_EQ(spec.attention.output_gate, OutputGate::kHeads);
}

TEST(RecurrentDefaultsTest, Mamba2) {
  const auto config = Parse("Mamba2");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.AttentionLayers(64), 0);
  EXPECT_FALSE(spec.kind(0).feed_forward);
  EXPECT_EQ(spec.recurrent.inner_size(), 8192);
  EXPECT_EQ(spec.recurrent.channels(), 8192 + 2 * 8 * 128);
  EXPECT_GE(config->context_length, 1 << 30);
}

TEST(RecurrentDefaultsTest, NemotronH) {
  const auto config = Parse("NemotronH");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.num_hidden_layers, 4);
  EXPECT_TRUE(spec.mixture.IsMixture(1));
  EXPECT_EQ(spec.kind(1).mixer, Mixer::kNone);
  EXPECT_EQ(spec.kind(2).mixer, Mixer::kAttention);
  EXPECT_FALSE(spec.kind(2).feed_forward);
  EXPECT_EQ(spec.recurrent.inner_size(), 8192);
}

TEST(RecurrentDefaultsTest, Qwen3Next) {
  const auto config = Parse("Qwen3Next");
  ASSERT_THAT(config, IsOk());
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.AttentionLayers(48), 12);
  EXPECT_TRUE(spec.kind(3).attends());
  EXPECT_EQ(spec.ropes[0].rotary_dim, 64);
  EXPECT_EQ(spec.recurrent.channels(), 8192);
  EXPECT_EQ(spec.mixture.experts_per_token, 10);
}

TEST(RecurrentDefaultsTest, AStepHasNoLimit) {
  for (const char* limit : {"[0.0, Infinity]", R"([0.0, {"__float__": "Infinity"}])", "null"}) {
    const auto config = Parse("Mamba2", StrCat(R"(, "time_step_limit": )", limit));
    ASSERT_THAT(config, IsOk()) << limit;
    EXPECT_FALSE(config->spec.recurrent.limits_prompt_steps()) << limit;
  }
}

TEST(RecurrentFieldsTest, LimitsOfAPromptsSteps) {
  const auto both = Parse("Bamba", R"(, "time_step_limit": [0.01, 0.5])");
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ(both->spec.recurrent.smallest_prompt_step, 0.01);
  EXPECT_EQ(both->spec.recurrent.largest_prompt_step, 0.5);
  // transformers' class looks at no other field than this.
  const auto nemotron = Parse("NemotronH", R"(, "time_step_limit": [0.01, 0.5])");
  ASSERT_THAT(nemotron, IsOk());
  EXPECT_EQ(nemotron->spec.recurrent.smallest_prompt_step, 0.001);
  EXPECT_FALSE(std::isfinite(nemotron->spec.recurrent.largest_prompt_step));
  for (const char* field : {"time_step_min", "mamba_dt_min"}) {
    const auto own = Parse("NemotronH", StrCat(", \"", field, "\": 0.02"));
    ASSERT_THAT(own, IsOk()) << field;
    EXPECT_EQ(own->spec.recurrent.smallest_prompt_step, 0.02) << field;
  }
}

TEST(RecurrentRefusalTest, LimitsOfStepsThatAreNone) {
  for (const char* limit : {"[0.0]", "[0.0, NaN]", "[0.5, 0.1]", "[Infinity, Infinity]", "[0, 0]",
                            R"([0.0, {"__float__": "NaN"}])", "0.1"}) {
    EXPECT_THAT(Parse("Mamba2", StrCat(R"(, "time_step_limit": )", limit)),
                StatusIs(kInvalid, HasSubstr("time_step_limit")))
        << limit;
  }
  EXPECT_THAT(Parse("NemotronH", R"(, "time_step_min": -0.1)"),
              StatusIs(kInvalid, HasSubstr("time_step_min")));
}

TEST(RecurrentRefusalTest, NameWhatIsNotImplemented) {
  const struct {
    const char* family;
    const char* fields;
    const char* name;
  } cases[] = {
      {"Mamba2", R"("hidden_act": "gelu")", "hidden_act"},
      {"Bamba", R"("hidden_act": "relu")", "hidden_act"},
      {"NemotronH", R"("mamba_hidden_act": "gelu")", "mamba_hidden_act"},
      {"NemotronH", R"("mlp_hidden_act": "silu")", "mlp_hidden_act"},
      {"NemotronH", R"("moe_latent_size": 64)", "moe_latent_size"},
      {"NemotronH", R"("attention_bias": true)", "attention_bias"},
      {"NemotronH", R"("hybrid_override_pattern": "MX")", "hybrid_override_pattern"},
      {"NemotronH", R"("layers_block_type": ["mamba", "swin"])", "layers_block_type"},
      {"Qwen3Next", R"("layer_types": ["sliding_attention"], "num_hidden_layers": 1)",
       "layer_types"},
      {"Qwen3_5", R"("attn_output_gate": false)", "attn_output_gate"},
      {"FalconH1", R"("attention_in_multiplier": 0.5, "attention_bias": true)",
       "attention_in_multiplier"},
      {"FalconH1", R"("ssm_in_multiplier": 0.5, "mamba_proj_bias": true)", "ssm_in_multiplier"},
      {"GraniteMoeHybrid", R"("mamba_d_head": "some")", "mamba_d_head"},
      {"Lfm2", R"("layer_types": ["conv", "mamba"], "num_hidden_layers": 2)", "layer_types"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(Parse(one.family, StrCat(", ", one.fields)),
                StatusIs(kUnimplemented, HasSubstr(one.name)))
        << one.family << " " << one.fields;
  }
}

TEST(RecurrentRefusalTest, SayWhatDoesNotFit) {
  const struct {
    const char* family;
    const char* fields;
    const char* name;
  } cases[] = {
      {"Mamba2", R"("num_heads": 10, "head_dim": 64)", "num_heads"},
      {"Mamba2", R"("n_groups": 3)", "n_groups"},
      {"Mamba2", R"("conv_kernel": 17)", "conv_kernel"},
      {"Mamba2", R"("state_size": 0)", "state_size"},
      {"Bamba", R"("attn_layer_indices": [32])", "attn_layer_indices"},
      {"FalconH1", R"("ssm_multipliers": [1.0, 2.0])", "ssm_multipliers"},
      {"Qwen3Next", R"("linear_num_key_heads": 5)", "linear_num_key_heads"},
      {"Lfm2", R"("layer_types": ["conv"], "num_hidden_layers": 2)", "layer_types"},
      {"Lfm2", R"("full_attn_idxs": [-1])", "full_attn_idxs"},
      {"Lfm2Moe", "\"num_experts\": 4", "layer_types"},
      {"Lfm3", R"("sliding_window": null)", "sliding_window"},
      {"Lfm3", R"("rope_parameters": {"full_attention": {"rope_type": "default"}})",
       "sliding_attention"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(Parse(one.family, StrCat(", ", one.fields)),
                StatusIs(kInvalid, HasSubstr(one.name)))
        << one.family << " " << one.fields;
  }
}

}  // namespace
}  // namespace firstlight
