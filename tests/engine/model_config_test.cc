#include "engine/model_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<ModelConfig> Parse(const std::string& json) {
  const auto document = JsonDocument::Parse("config.json", json);
  if (!document.ok()) return document.status();
  return ParseModelConfig(**document);
}

// A small Llama with further members.
absl::StatusOr<ModelConfig> ParseLlama(std::string_view more) {
  return Parse(LlamaConfig({}, more));
}

TEST(ModelConfigTest, ReadsThePublishedSpelling) {
  const auto config = ParseLlama(R"(, "rope_theta": 500000.0, "torch_dtype": "bfloat16",
      "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
      "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "tie_word_embeddings": true,
      "bos_token_id": 128000, "eos_token_id": [128001, 128008], "head_dim": 64)");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->architecture, "LlamaForCausalLM");
  EXPECT_EQ(config->context_length, 131072);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(128001, 128008));
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.head_dim, 64);
  EXPECT_EQ(spec.attention.scale, 0.125);
  EXPECT_EQ(spec.norm.eps, 1e-5);
  EXPECT_TRUE(spec.head.tied);
  EXPECT_EQ(spec.ropes[0], (RopeSpec{.type = RopeType::kLlama3,
                                     .theta = 500000.0,
                                     .rotary_dim = 64,
                                     .factor = 32.0,
                                     .low_freq_factor = 1.0,
                                     .high_freq_factor = 4.0,
                                     .trained_positions = 8192}));
}

TEST(ModelConfigTest, BothSpellingsOfRopeAreTheSame) {
  const auto published =
      ParseLlama(R"(, "rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 2})");
  const auto renamed = ParseLlama(
      R"(, "rope_parameters": {"rope_theta": 5000.0, "rope_type": "linear", "factor": 2.0})");
  ASSERT_THAT(published, IsOk());
  ASSERT_THAT(renamed, IsOk());
  EXPECT_EQ(published->spec, renamed->spec);
  EXPECT_EQ(published->spec.ropes[0].type, RopeType::kLinear);
}

TEST(ModelConfigTest, RopeScalingGoesBeforeRopeParametersAndItsThetaBeforeTheOuterOne) {
  const auto config = ParseLlama(
      R"(, "rope_theta": 3.0, "rope_parameters": {"rope_type": "dynamic", "factor": 4.0},
         "rope_scaling": {"rope_theta": 7.0, "rope_type": "linear", "factor": 2.0})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->spec.ropes[0].theta, 7.0);
  EXPECT_EQ(config->spec.ropes[0].type, RopeType::kLinear);
  const auto empty = ParseLlama(R"(, "rope_theta": 3.0, "rope_scaling": {})");
  ASSERT_THAT(empty, IsOk());
  EXPECT_EQ(empty->spec.ropes[0], (RopeSpec{.theta = 3.0, .rotary_dim = 2}));
}

TEST(ModelConfigTest, DynamicRopeStretchesTheContext) {
  const auto config = ParseLlama(
      R"(, "max_position_embeddings": 100, "head_dim": 4,
         "rope_scaling": {"type": "dynamic", "factor": 2.5})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->context_length, 250);
  EXPECT_EQ(config->spec.ropes[0].trained_positions, 100);
}

TEST(ModelConfigTest, AbsentFieldsHaveTheClassesOwnDefaults) {
  const auto config = Parse(R"({"model_type": "llama"})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->architecture, "LlamaForCausalLM");
  EXPECT_EQ(config->context_length, 2048);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
  const DecoderSpec& spec = config->spec;
  EXPECT_EQ(spec.vocab_size, 32000);
  EXPECT_EQ(spec.hidden_size, 4096);
  EXPECT_EQ(spec.intermediate_size, 11008);
  EXPECT_EQ(spec.num_hidden_layers, 32);
  EXPECT_EQ(spec.num_attention_heads, 32);
  EXPECT_EQ(spec.num_key_value_heads, 32);
  EXPECT_EQ(spec.head_dim, 128);
  EXPECT_EQ(spec.norm.eps, 1e-6);
  EXPECT_FALSE(spec.head.tied);
  EXPECT_EQ(spec.ropes[0], (RopeSpec{.rotary_dim = 128}));

  const auto mistral =
      Parse(R"({"architectures": ["MistralForCausalLM"], "sliding_window": null})");
  ASSERT_THAT(mistral, IsOk());
  EXPECT_EQ(mistral->spec.intermediate_size, 14336);
  EXPECT_EQ(mistral->spec.num_key_value_heads, 8);
  EXPECT_EQ(mistral->context_length, 131072);
}

TEST(ModelConfigTest, NullIsAbsent) {
  const auto config =
      ParseLlama(R"(, "rope_scaling": null, "head_dim": null, "quantization_config": null)");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->spec.head_dim, 2);
}

// Where the class has a default, None is not it.
TEST(ModelConfigTest, NullIsNoneWhereThatDiffersFromTheDefault) {
  EXPECT_THAT(Parse(R"({"model_type": "llama", "eos_token_id": null})")->eos_token_ids, IsEmpty());
  const auto mistral = Parse(
      R"({"model_type": "mistral", "num_attention_heads": 16, "num_key_value_heads": null,
          "sliding_window": null})");
  ASSERT_THAT(mistral, IsOk());
  EXPECT_EQ(mistral->spec.num_key_value_heads, 16);
  EXPECT_THAT(Parse(R"({"model_type": "llama", "eos_token_id": []})")->eos_token_ids, IsEmpty());
}

TEST(ModelConfigTest, AModelWithoutItsHeadIsTheSameArchitecture) {
  const auto config = Parse(R"({"architectures": ["LlamaModel"], "model_type": "llama"})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->architecture, "LlamaForCausalLM");
  EXPECT_THAT(
      Parse(R"({"architectures": ["LlamaForSequenceClassification"], "model_type": "llama"})"),
      StatusIs(kUnimplemented, HasSubstr("\"LlamaForSequenceClassification\"")));
}

TEST(ModelConfigTest, UnknownArchitectureIsNamedWithTheKnownOnes) {
  EXPECT_THAT(Parse(R"({"architectures": ["WhisperForConditionalGeneration"]})"),
              StatusIs(kUnimplemented,
                       AllOf(HasSubstr("config.json: architecture "
                                       "\"WhisperForConditionalGeneration\" is not implemented"),
                             HasSubstr("LlamaForCausalLM"), HasSubstr("MistralForCausalLM"))));
  EXPECT_THAT(Parse(R"({"model_type": "whisper"})"),
              StatusIs(kUnimplemented, HasSubstr("\"whisper\"")));
  EXPECT_THAT(Parse("{}"), StatusIs(kInvalid, HasSubstr("model_type")));
  EXPECT_THAT(Parse("[]"), StatusIs(kInvalid, HasSubstr("config.json")));
  EXPECT_THAT(Parse(R"({"architectures": "LlamaForCausalLM"})"),
              StatusIs(kInvalid, HasSubstr("architectures")));
}

TEST(ModelConfigTest, TheSlidingWindowIsItsClasssUnlessNull) {
  const auto window = [](std::string_view more) {
    const auto config = Parse(StrCat(R"({"architectures": ["MistralForCausalLM"])", more, "}"));
    return config.ok() ? config->spec.layer_kinds[0].window : -1;
  };
  EXPECT_EQ(window(R"(, "sliding_window": 128)"), 128);
  EXPECT_EQ(window(""), 4096);
  EXPECT_EQ(window(R"(, "sliding_window": null)"), 0);
}

struct Refusal {
  const char* members;
  absl::StatusCode code;
  const char* message;
};

class RefusedConfigTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedConfigTest, NamesTheField) {
  EXPECT_THAT(ParseLlama(GetParam().members),
              StatusIs(GetParam().code, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedConfigTest,
    testing::Values(
        Refusal{R"(, "max_position_embeddings": 0)", kInvalid, "\"max_position_embeddings\""},
        Refusal{R"(, "head_dim": 3)", kInvalid, "expected an even head_dim"},
        Refusal{R"(, "head_dim": 0)", kInvalid, "\"head_dim\""},
        Refusal{R"(, "head_dim": 2048)", kInvalid, "\"head_dim\""},
        Refusal{R"(, "head_dim": "64")", kInvalid, "\"head_dim\""},
        Refusal{R"(, "rms_norm_eps": -1e-6)", kInvalid, "\"rms_norm_eps\""},
        Refusal{R"(, "rms_norm_eps": 1e300)", kInvalid, "\"rms_norm_eps\""},
        Refusal{R"(, "tie_word_embeddings": "yes")", kInvalid, "\"tie_word_embeddings\""},
        Refusal{R"(, "eos_token_id": -1)", kInvalid, "\"eos_token_id\""},
        Refusal{R"(, "eos_token_id": [1, 4294967296])", kInvalid, "\"eos_token_id[1]\""},
        Refusal{R"(, "rope_theta": 0)", kInvalid, "\"rope_theta\""},
        Refusal{R"(, "rope_scaling": "linear")", kInvalid, "\"rope_scaling\""},
        Refusal{R"(, "rope_scaling": {"type": "linear"})", kInvalid, "\"factor\""},
        Refusal{R"(, "rope_scaling": {"type": "linear", "factor": 0})", kInvalid,
                "\"rope_scaling.factor\""},
        Refusal{R"(, "rope_scaling": {"type": "dynamic", "factor": 2})", kInvalid,
                "head_dim above 2"},
        Refusal{R"(, "rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 4,
                   "high_freq_factor": 4})",
                kInvalid, "high_freq_factor above low_freq_factor"},
        Refusal{R"(, "rope_scaling": {"type": "mrope", "factor": 2})", kUnimplemented,
                "rope type \"mrope\" is not implemented"},
        Refusal{R"(, "partial_rotary_factor": 2.0)", kInvalid, "\"partial_rotary_factor\""},
        Refusal{R"(, "hidden_act": "gelu_10")", kUnimplemented, "activation \"gelu_10\""},
        Refusal{R"(, "quantization_config": {"quant_method": "gptq"})", kUnimplemented,
                "\"quantization_config\""}));

TEST(ModelConfigTest, SizesAreBounded) {
  const auto parse = [](LlamaShape shape) { return Parse(LlamaConfig(shape)); };
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_THAT(parse({.vocab_size = 0}), StatusIs(kInvalid, HasSubstr("\"vocab_size\"")));
  EXPECT_THAT(parse({.vocab_size = kHuge}), StatusIs(kInvalid, HasSubstr("\"vocab_size\"")));
  EXPECT_THAT(parse({.hidden_size = -8}), StatusIs(kInvalid, HasSubstr("\"hidden_size\"")));
  EXPECT_THAT(parse({.hidden_size = kHuge}), StatusIs(kInvalid, HasSubstr("\"hidden_size\"")));
  EXPECT_THAT(parse({.hidden_size = 9}), StatusIs(kInvalid, HasSubstr("a multiple of")));
  EXPECT_THAT(parse({.intermediate_size = kHuge}),
              StatusIs(kInvalid, HasSubstr("\"intermediate_size\"")));
  EXPECT_THAT(parse({.num_hidden_layers = 1000000000}),
              StatusIs(kInvalid, HasSubstr("\"num_hidden_layers\"")));
  EXPECT_THAT(parse({.num_attention_heads = 0}),
              StatusIs(kInvalid, HasSubstr("\"num_attention_heads\": expected an integer in [1, "
                                           "4096], found 0")));
  EXPECT_THAT(parse({.num_key_value_heads = 0}),
              StatusIs(kInvalid, HasSubstr("\"num_key_value_heads\"")));
  EXPECT_THAT(parse({.num_key_value_heads = 3}),
              StatusIs(kInvalid, HasSubstr("a multiple of num_key_value_heads, found 4 and 3")));
}

TEST(ModelConfigTest, ADefaultThatDoesNotFitTheOtherFieldsIsRefused) {
  const auto config = [](int heads) {
    return Parse(StrCat(R"({"model_type": "gptj", "n_embd": 256, "n_head": )", heads, "}"));
  };
  ASSERT_THAT(config(4), IsOk());
  EXPECT_EQ(config(4)->spec.ropes[0].rotary_dim, 64);
  EXPECT_THAT(config(8), StatusIs(kInvalid, HasSubstr("rotary_dim of at most the head's 32")));
}

TEST(ModelConfigTest, WhatHoldsFieldsIsAnObject) {
  EXPECT_THAT(Parse(R"({"architectures": ["Gemma3ForConditionalGeneration"], "text_config": 5})"),
              StatusIs(kInvalid, HasSubstr("field \"text_config\": expected an object, found 5")));
  EXPECT_THAT(Parse(R"({"model_type": "mpt", "attn_config": []})"),
              StatusIs(kInvalid, HasSubstr("field \"attn_config\": expected an object")));
}

}  // namespace
}  // namespace firstlight
