#include "engine/generation_config.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<GenerationConfig> Parse(std::string_view json) {
  return ParseGenerationConfig(json, "generation_config.json");
}

TEST(GenerationConfigTest, ReadsWhatTheFileSays) {
  const auto config = Parse(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95,
      "min_p": 0.05, "typical_p": 0.9, "repetition_penalty": 1.1, "max_new_tokens": 100,
      "max_length": 4096, "bos_token_id": 1, "pad_token_id": -1, "eos_token_id": [2, 3],
      "transformers_version": "4.45.0"})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->do_sample, true);
  EXPECT_EQ(config->temperature, 0.6);
  EXPECT_EQ(config->top_k, 20);
  EXPECT_EQ(config->top_p, 0.95);
  EXPECT_EQ(config->min_p, 0.05);
  EXPECT_EQ(config->typical_p, 0.9);
  EXPECT_EQ(config->repetition_penalty, 1.1);
  EXPECT_EQ(config->max_new_tokens, 100);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2, 3));
}

TEST(GenerationConfigTest, WhatIsAbsentOrNullIsUnset) {
  for (const char* json : {"{}", R"({"do_sample": null, "temperature": null, "top_k": null,
                                     "eos_token_id": null})"}) {
    const auto config = Parse(json);
    ASSERT_THAT(config, IsOk());
    EXPECT_FALSE(config->do_sample.has_value());
    EXPECT_FALSE(config->temperature.has_value());
    EXPECT_FALSE(config->top_k.has_value());
    EXPECT_THAT(config->eos_token_ids, IsEmpty());
  }
}

TEST(GenerationConfigTest, OneEndOfSequenceTokenNeedsNoList) {
  EXPECT_THAT(Parse(R"({"eos_token_id": 7})")->eos_token_ids, ElementsAre(7));
}

TEST(GenerationConfigTest, TellsWhatChangesTheOutputAndIsNotImplemented) {
  const auto config = Parse(R"({"num_beams": 4, "no_repeat_ngram_size": 3, "temperature": 0.5,
      "suppress_tokens": [1, 2], "begin_suppress_tokens": [220], "num_return_sequences": 2,
      "forced_bos_token_id": 0, "sequence_bias": {"a": 1}, "stop_strings": "\n\n",
      "guidance_scale": 1.5, "min_new_tokens": 2, "length_penalty": 2.0})");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(
      config->ignored_fields,
      ElementsAre("begin_suppress_tokens", "forced_bos_token_id", "guidance_scale",
                  "min_new_tokens", "no_repeat_ngram_size", "num_beams", "num_return_sequences",
                  "sequence_bias", "stop_strings", "suppress_tokens"));
}

TEST(GenerationConfigTest, ReadsBadWords) {
  const auto config = Parse(R"({"bad_words_ids": [[5], [7, 0, 7]]})");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->bad_words_ids, ElementsAre(ElementsAre(5), ElementsAre(7, 0, 7)));
  for (const char* wrong : {"[5]", "[[]]", "[[-1]]", "[[4294967296]]", "[[\"a\"]]", "{}"}) {
    const absl::Status status = Parse(std::string("{\"bad_words_ids\": ") + wrong + "}").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(status.message()), HasSubstr("bad_words_ids")) << wrong;
  }
}

TEST(GenerationConfigTest, WhatHasNoEffectNeedsNoMention) {
  const auto config = Parse(R"({"num_beams": 1, "num_beam_groups": 1, "no_repeat_ngram_size": 0,
      "suppress_tokens": [], "num_return_sequences": 1, "bad_words_ids": null, "sequence_bias": {}, "guidance_scale": 1.0,
      "penalty_alpha": 0.0, "min_length": 0, "stop_strings": "", "early_stopping": true})");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->ignored_fields, IsEmpty());
}

TEST(GenerationConfigTest, ErrorsNameTheFileAndTheField) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  for (const char* field : {"temperature", "top_p", "min_p", "typical_p", "repetition_penalty",
                            "top_k", "max_new_tokens", "eos_token_id"}) {
    const std::string quoted = std::string("\"") + field + "\"";
    for (const char* value : {"-1", "\"a\"", "{}"}) {
      EXPECT_THAT(Parse("{" + quoted + ": " + value + "}"),
                  StatusIs(kInvalid, AllOf(HasSubstr("generation_config.json"), HasSubstr(quoted))))
          << field << " " << value;
    }
  }
  EXPECT_THAT(Parse(R"({"do_sample": 1})"), StatusIs(kInvalid, HasSubstr("\"do_sample\"")));
  EXPECT_THAT(Parse(R"({"top_p": 1.5})"), StatusIs(kInvalid, HasSubstr("found 1.5")));
  EXPECT_THAT(Parse("not json"), StatusIs(kInvalid, HasSubstr("generation_config.json")));
}

}  // namespace
}  // namespace firstlight
