#include "engine/chat/template_files.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class TemplateFilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    directory_.Write(name, text);
  }
  absl::StatusOr<ChatTemplateFiles> Read() const {
    return ReadChatTemplateFiles(directory_.path());
  }
  std::vector<std::pair<std::string, std::string>> Templates() const {
    const absl::StatusOr<ChatTemplateFiles> files = Read();
    EXPECT_TRUE(files.ok()) << files.status();
    std::vector<std::pair<std::string, std::string>> templates;
    if (!files.ok()) return templates;
    for (const ChatTemplateSource& source : files->templates) {
      templates.emplace_back(source.name, source.text);
    }
    return templates;
  }

  const TemporaryDirectory directory_;
};

TEST_F(TemplateFilesTest, ACheckpointWithoutOneSaysWhereOneCouldBe) {
  Write("tokenizer_config.json", R"({"bos_token": "<s>", "chat_template": null})");
  const absl::Status status = Read().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("chat_template.jinja"), HasSubstr("tokenizer_config.json")));
}

TEST_F(TemplateFilesTest, TheFilesOfTemplatesComeBeforeTheConfigurations) {
  Write("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_THAT(Templates(), ElementsAre(Pair("default", "processor")));
  Write("tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_THAT(Templates(), ElementsAre(Pair("default", "config")));
  Write("additional_chat_templates/rag.jinja", "rag");
  Write("additional_chat_templates/README.md", "no template");
  EXPECT_THAT(Templates(), ElementsAre(Pair("rag", "rag")));
  Write("chat_template.jinja", "file\n");
  EXPECT_THAT(Templates(), ElementsAre(Pair("default", "file\n"), Pair("rag", "rag")));
}

TEST_F(TemplateFilesTest, AConfigurationMayNameSeveral) {
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "t"},
                                     {"name": "default", "template": "d"}]})");
  EXPECT_THAT(Templates(), ElementsAre(Pair("default", "d"), Pair("tool_use", "t")));
}

TEST_F(TemplateFilesTest, WhatIsNoTemplateIsRefusedByFileAndField) {
  Write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_THAT(std::string(Read().status().message()),
              AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("chat_template")));
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "x"}]})");
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("chat_template[0].template"));
  Write("tokenizer_config.json", "{");
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kInvalidArgument);
  Write("chat_template.jinja", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(TemplateFilesTest, SpecialTokensAreTextsOrAddedTokens) {
  Write("chat_template.jinja", "x");
  Write("tokenizer_config.json", R"({"bos_token": {"content": "<s>", "lstrip": false},
      "eos_token": "</s>", "pad_token": null, "add_bos_token": true, "image_token": "<i>"})");
  EXPECT_THAT(
      Read()->special_tokens,
      ElementsAre(Pair("bos_token", "<s>"), Pair("eos_token", "</s>"), Pair("image_token", "<i>")));
}

TEST_F(TemplateFilesTest, TheMapOfSpecialTokensCountsWhereNoAddedTokensAreListed) {
  Write("chat_template.jinja", "x");
  Write("special_tokens_map.json", R"({"eos_token": {"content": "<end>"}, "unk_token": "<unk>"})");
  EXPECT_THAT(Read()->special_tokens,
              ElementsAre(Pair("eos_token", "<end>"), Pair("unk_token", "<unk>")));
  Write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  EXPECT_THAT(Read()->special_tokens,
              ElementsAre(Pair("eos_token", "<end>"), Pair("unk_token", "<unk>")));
  Write("tokenizer_config.json", R"({"eos_token": "</s>", "added_tokens_decoder": {}})");
  EXPECT_THAT(Read()->special_tokens, ElementsAre(Pair("eos_token", "</s>")));
}

}  // namespace
}  // namespace firstlight
