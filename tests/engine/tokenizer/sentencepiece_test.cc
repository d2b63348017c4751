// tokenizer.model: our encoding beside the sentencepiece library's own, on the same models; the
// settings that transformers keeps beside a model; and files that are not what they should be.

#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/formats/sentencepiece_library.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

std::string ReadModel(const std::string& name) {
  std::ifstream file(TestDataDirectory() / name / "tokenizer.model", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::unique_ptr<const Tokenizer> Open(const std::string& directory) {
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(directory);
  EXPECT_THAT(tokenizer, IsOk());
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

class SentencePieceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SentencePieceTest, EqualsTheLibrary) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / GetParam());
  ASSERT_NE(tokenizer, nullptr);
  std::string error;
  const std::unique_ptr<const SentencePieceLibrary> library =
      SentencePieceLibrary::Load(ReadModel(GetParam()), error);
  ASSERT_NE(library, nullptr) << error;
  for (const std::string& text : RandomTexts(/*seed=*/8, /*count=*/2000)) {
    ASSERT_EQ(EncodePlain(*tokenizer, text), library->Encode(text)) << Quoted(text);
  }
  const std::string letters(20000, 'a');
  EXPECT_EQ(EncodePlain(*tokenizer, letters), library->Encode(letters));
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceTest,
                         ::testing::Values("sp_bpe", "sp_bpe_unknown", "sp_unigram",
                                           "sp_unigram_bytes"),
                         [](const auto& info) { return std::string(info.param); });

TEST(SentencePieceConfigTest, ControlPiecesAreTextUnlessTransformersConfiguresThem) {
  const TemporaryDirectory directory;
  directory.Write("tokenizer.model", ReadModel("sp_bpe"));
  const std::unique_ptr<const Tokenizer> plain = Open(directory.path());
  ASSERT_NE(plain, nullptr);
  const int32_t bos = plain->bos_id().value();
  const int32_t eos = plain->eos_id().value();
  EXPECT_EQ(plain->IdToToken(bos), "<s>");
  EXPECT_TRUE(plain->IsSpecial(bos));
  EXPECT_THAT(plain->Encode("a</s>", {.add_special_tokens = false}).value(),
              ::testing::Not(::testing::Contains(eos)));

  directory.Write("tokenizer_config.json",
                  R"({"add_bos_token": true, "add_eos_token": true, "bos_token": "<s>",
                      "eos_token": {"content": "</s>"}, "legacy": false})");
  const std::unique_ptr<const Tokenizer> configured = Open(directory.path());
  ASSERT_NE(configured, nullptr);
  const std::vector<int32_t> ids = configured->Encode("a</s>").value();
  ASSERT_GE(ids.size(), 3U);
  EXPECT_EQ(ids.front(), bos);
  EXPECT_EQ(ids.back(), eos);
  EXPECT_EQ(ids[ids.size() - 2], eos);
  EXPECT_EQ(configured->Encode("a</s>", {.parse_special_tokens = false}).value().size(),
            plain->Encode("a</s>").value().size() + 1);
}

// transformers' `legacy`: whether a text behind a special token gets a space of its own.
TEST(SentencePieceConfigTest, OnlyTheStartGetsASpaceUnlessLegacy) {
  const TemporaryDirectory directory;
  directory.Write("tokenizer.model", ReadModel("sp_bpe"));
  directory.Write("tokenizer_config.json", R"({"legacy": false})");
  const std::unique_ptr<const Tokenizer> tokenizer = Open(directory.path());
  directory.Write("tokenizer_config.json", R"({"legacy": true})");
  const std::unique_ptr<const Tokenizer> legacy = Open(directory.path());
  ASSERT_TRUE(tokenizer != nullptr && legacy != nullptr);
  const EncodeOptions plain = {.add_special_tokens = false};
  EXPECT_EQ(Decode(*tokenizer, tokenizer->Encode("Anna</s>Anna", plain).value()), "AnnaAnna");
  EXPECT_EQ(Decode(*legacy, legacy->Encode("Anna</s>Anna", plain).value()), "Anna Anna");
}

TEST(SentencePieceFileTest, RefusesWhatIsNoModel) {
  const TemporaryDirectory directory;
  for (const std::string& bytes :
       {std::string(), std::string("not a model"), std::string(1000, '\xFF'),
        ReadModel("sp_bpe").substr(0, 3000), std::string("\x0A\x00", 2)}) {
    directory.Write("tokenizer.model", bytes);
    EXPECT_THAT(OpenTokenizer(directory.path()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tokenizer.model: ")));
  }
}

TEST(SentencePieceFileTest, SurvivesDamage) {
  const TemporaryDirectory directory;
  std::mt19937 random(9);
  for (const char* const name : {"sp_bpe", "sp_unigram"}) {
    const std::string model = ReadModel(name);
    for (int round = 0; round < 60; ++round) {
      std::string damaged = model;
      for (int i = 0; i < 4; ++i) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      directory.Write("tokenizer.model", damaged);
      absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(directory.path());
      if (tokenizer.ok()) {
        EXPECT_THAT((*tokenizer)->Encode("Anna likes \u732B at noon. \uFB01"), IsOk());
      }
    }
  }
}

}  // namespace
}  // namespace firstlight
