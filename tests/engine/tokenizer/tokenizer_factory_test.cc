#include "engine/tokenizer/tokenizer_factory.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/detokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kVocab[] = R"({"a": 0, "b": 1, "\u0120": 2, "ab": 3, "\u0120ab": 4,
                              "<|endoftext|>": 5})";
constexpr char kMerges[] = "#version: 0.2\na b\n\u0120 ab\n";

std::unique_ptr<const Tokenizer> Open(const std::string& directory) {
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(directory);
  EXPECT_THAT(tokenizer, IsOk());
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

void CopyFrom(const char* name, const char* file, const TemporaryDirectory& directory) {
  std::filesystem::copy(TestDataDirectory() / name / file, directory.File(file));
}

TEST(TokenizerFactoryTest, NothingThere) {
  const TemporaryDirectory directory;
  EXPECT_THAT(OpenTokenizer(directory.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no tokenizer")));
  EXPECT_THAT(OpenTokenizer(directory.File("missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no tokenizer")));
}

// An interrupted download is no checkpoint without a tokenizer.
TEST(TokenizerFactoryTest, ALinkThatLeadsNowhereIsAnError) {
  for (const char* file : {"tokenizer.json", "tokenizer.model"}) {
    const TemporaryDirectory directory;
    std::filesystem::create_symlink("../../blobs/missing", directory.File(file));
    EXPECT_THAT(OpenTokenizer(directory.path()),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(file)));
  }
}

TEST(TokenizerFactoryTest, PrefersTokenizerJsonThenTheModelThenTheVocabulary) {
  const TemporaryDirectory directory;
  directory.Write("vocab.json", kVocab);
  EXPECT_THAT(OpenTokenizer(directory.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no tokenizer")));
  directory.Write("merges.txt", kMerges);
  EXPECT_EQ(Open(directory.path())->vocab_size(), 6);
  CopyFrom("sp_bpe", "tokenizer.model", directory);
  EXPECT_EQ(Open(directory.path())->vocab_size(), 520);
  CopyFrom("prepended", "tokenizer.json", directory);
  EXPECT_FALSE(Open(directory.path())->TokenToId("<0x00>").has_value());
}

TEST(TokenizerFactoryTest, VocabularyAndMerges) {
  const TemporaryDirectory directory;
  directory.Write("vocab.json", kVocab);
  directory.Write("merges.txt", kMerges);
  const std::unique_ptr<const Tokenizer> tokenizer = Open(directory.path());
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(tokenizer->Encode("ab ab<|endoftext|>b").value(), ElementsAre(3, 4, 5, 1));
  EXPECT_EQ(tokenizer->eos_id(), 5);
  EXPECT_TRUE(tokenizer->IsSpecial(5));
  EXPECT_EQ(tokenizer->TokenBytes(4), " ab");
  EXPECT_EQ(Decode(*tokenizer, {3, 4, 5, 1}), "ab abb");
  EXPECT_EQ(Decode(*tokenizer, {3, 4, 5, 1}, {.skip_special_tokens = false}),
            "ab ab<|endoftext|>b");
}

TEST(TokenizerFactoryTest, VocabularyAndMergesOfAnUnknownClassAreRefusedByName) {
  const TemporaryDirectory directory;
  directory.Write("vocab.json", kVocab);
  directory.Write("merges.txt", kMerges);
  directory.Write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizerFast"})");
  EXPECT_THAT(OpenTokenizer(directory.path()),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("RobertaTokenizer")));
}

TEST(TokenizerFactoryTest, MalformedMergesNameTheirLine) {
  const TemporaryDirectory directory;
  directory.Write("vocab.json", kVocab);
  directory.Write("merges.txt", "a b\nab\n");
  EXPECT_THAT(OpenTokenizer(directory.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("merges.txt: line 2")));
  directory.Write("merges.txt", "a b\na c\n");
  EXPECT_THAT(OpenTokenizer(directory.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"c\"")));
}

class InvalidUtf8Test : public ::testing::TestWithParam<const char*> {};

// Each kind of ill-formed sequence of the Unicode standard's table 3-7, at the start of a text, in
// the middle, behind a special token and at the end.
TEST_P(InvalidUtf8Test, IsRefusedWithItsOffset) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / GetParam());
  ASSERT_NE(tokenizer, nullptr);
  for (const std::string_view bytes :
       {"\xFF", "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xE4\xBD",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xC3\xC3\xA9", "\xE4\xBDz"}) {
    for (const std::string_view before : {"", "abc", "caf\u00E9 <s>", "\u4F60 "}) {
      for (const std::string_view behind : {"", "z", "\u4F60"}) {
        const std::string text = StrCat(before, bytes, behind);
        EXPECT_THAT(tokenizer->Encode(text),
                    StatusIs(absl::StatusCode::kInvalidArgument,
                             HasSubstr(StrCat("ill-formed sequence at byte ", before.size()))));
      }
    }
  }
}

// Bytes that never become characters come out as U+FFFD, whatever the decoder.
TEST_P(InvalidUtf8Test, NeverComesOut) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / GetParam());
  ASSERT_NE(tokenizer, nullptr);
  for (int32_t first = 0; first < tokenizer->vocab_size(); ++first) {
    for (const int32_t second : {first, first / 2, tokenizer->vocab_size() - 1 - first}) {
      const std::string text = Decode(*tokenizer, {first, second});
      ASSERT_EQ(FindInvalidUtf8(text), std::string::npos) << first << " " << second;
    }
    ASSERT_EQ(FindInvalidUtf8(tokenizer->TokenText(first)), std::string::npos) << first;
  }
}

INSTANTIATE_TEST_SUITE_P(All, InvalidUtf8Test, ::testing::ValuesIn(kAllTokenizers),
                         [](const auto& info) { return std::string(info.param); });

TEST(TokenizerTest, FitsAModelWithEnoughRows) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / "byte_level");
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(CheckTokenizerFitsModel(*tokenizer, tokenizer->vocab_size()), IsOk());
  EXPECT_THAT(CheckTokenizerFitsModel(*tokenizer, tokenizer->vocab_size() + 64), IsOk());
  EXPECT_THAT(CheckTokenizerFitsModel(*tokenizer, tokenizer->vocab_size() - 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rows of the model")));
}

class HugeTextTest : public ::testing::TestWithParam<const char*> {};

// Quadratic work on a text of this size would take hours.
TEST_P(HugeTextTest, OneLetterFourMillionTimes) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / GetParam());
  ASSERT_NE(tokenizer, nullptr);
  const std::string text(size_t{4} << 20, 'a');
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer->Encode(text);
  ASSERT_THAT(ids, IsOk());
  const std::string decoded = Decode(*tokenizer, *ids);
  EXPECT_EQ(decoded.find_first_not_of(" a"), std::string::npos);
  EXPECT_GE(decoded.size(), text.size());
}

TEST_P(HugeTextTest, IsCancelled) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / GetParam());
  ASSERT_NE(tokenizer, nullptr);
  for (const int answers : {1, 10, 100}) {
    int asked = 0;
    EXPECT_THAT(tokenizer->Encode(std::string(size_t{4} << 20, 'a'),
                                  {.cancelled = [&] { return ++asked == answers; }}),
                StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
    EXPECT_EQ(asked, answers);
  }
}

INSTANTIATE_TEST_SUITE_P(All, HugeTextTest,
                         ::testing::Values("byte_level", "ignore_merges", "metaspace", "sp_bpe",
                                           "sp_unigram_bytes"),
                         [](const auto& info) { return std::string(info.param); });

// A run of combining marks in descending order is the worst case of canonical ordering.
TEST(TokenizerTest, NormalizesALongRunOfMarks) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(TestDataDirectory() / "byte_level");
  ASSERT_NE(tokenizer, nullptr);
  std::string text = "a";
  for (int i = 0; i < 300'000; ++i) {
    text += i % 2 == 0 ? "\u0301" : "\u0323";
  }
  EXPECT_THAT(tokenizer->Encode(text), IsOk());
}

}  // namespace
}  // namespace firstlight
