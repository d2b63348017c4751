// What a hostile tokenizer may make of a text or a token, and how much of its own work it may ask
// for: each case took memory or time without bound.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/text/work_allowance.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;

// A tokenizer of two tokens with these members.
absl::StatusOr<std::unique_ptr<const Tokenizer>> Open(std::string_view members,
                                                      std::string_view model_members = "") {
  const TemporaryDirectory directory;
  directory.Write("tokenizer.json", StrCat("{", members, R"("model":{"type":"BPE",)", model_members,
                                           R"("vocab":{"a":0,"b":1},"merges":[]}})"));
  return OpenTokenizer(directory.path());
}

// A sequence of `count` times that component.
std::string Sequence(std::string_view list, std::string_view component, int count) {
  std::string json = StrCat(R"({"type":"Sequence",")", list, "\":[");
  for (int i = 0; i < count; ++i) StrAppend(&json, i > 0 ? "," : "", component);
  return json + "]}";
}

constexpr std::string_view kDouble =
    R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";

TEST(TokenizerLimitsTest, DecodersGrowATextByABoundedFactor) {
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", kDouble, 5), ",")), IsOk());
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", kDouble, 6), ",")),
              StatusIs(kInvalid, HasSubstr("field \"decoder\": expected decoders that make at most "
                                           "32 bytes of one")));
}

TEST(TokenizerLimitsTest, DecodersThatDoNotGrowATextMayBeMany) {
  for (const std::string_view component :
       {R"({"type":"Replace","pattern":{"String":"a"},"content":"b"})", R"({"type":"Fuse"})",
        R"({"type":"WordPiece","prefix":"#","cleanup":true})"}) {
    EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", component, 200), ",")), IsOk())
        << component;
  }
  // A match that may be empty grows a text wherever it is.
  EXPECT_THAT(
      Open(StrCat(
          "\"decoder\":",
          Sequence("decoders", R"({"type":"Replace","pattern":{"Regex":"a*"},"content":"b"})", 6),
          ",")),
      StatusIs(kInvalid, HasSubstr("32 bytes of one")));
}

TEST(TokenizerLimitsTest, DecodersOfRegularExpressionsAreFew) {
  constexpr std::string_view kRegex =
      R"({"type":"Replace","pattern":{"Regex":"[ab]"},"content":"b"})";
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", kRegex, 8), ",")), IsOk());
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", kRegex, 9), ",")),
              StatusIs(kInvalid, HasSubstr("field \"decoder\": expected at most 8 decoders with a "
                                           "\"Regex\", found 9")));
}

// Each run of letters takes milliseconds to find that it does not end the token.
TEST(TokenizerLimitsTest, ADecoderWhosePatternTakesTooLongLeavesTheTokenAlone) {
  const auto decode = [](int runs) {
    std::string token = "c";
    for (int i = 0; i < runs; ++i) token += std::string(20, 'a') + "b";
    const auto tokenizer =
        Open(StrCat(R"("decoder":{"type":"Replace","pattern":{"Regex":"(a+)+$|c"},"content":""},)",
                    R"("added_tokens":[{"id":2,"content":")", token, "\"}],"));
    EXPECT_THAT(tokenizer, IsOk());
    return std::pair(token, tokenizer.ok() ? Decode(**tokenizer, std::vector<int32_t>{2}) : "");
  };
  const auto [short_token, short_text] = decode(0);
  EXPECT_EQ(short_text, "");
  const auto [token, text] = decode(40);
  EXPECT_EQ(text, token);
}

// Each time it takes some milliseconds, which a token may; hundreds of them may not.
TEST(TokenizerLimitsTest, ADecoderWhosePatternIsSlowOnEveryTokenIsSoonLeftAside) {
  const std::string token = "c" + std::string(18, 'a') + "b";
  const auto tokenizer =
      Open(StrCat(R"("decoder":{"type":"Replace","pattern":{"Regex":"(a+)+$|c"},"content":"d"},)",
                  R"("added_tokens":[{"id":2,"content":")", token, "\"}],"));
  ASSERT_THAT(tokenizer, IsOk());
  int replaced = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = (*tokenizer)->TokenText(2);
    if (i == 0) {
      EXPECT_EQ(text.front(), 'd');
    }
    if (text != token) ++replaced;
  }
  EXPECT_LT(replaced, 400);
  // Those who follow have to wait until it is made up for.
  const std::vector<int32_t> ids(400, 2);
  EXPECT_THAT(Decode(**tokenizer, ids), HasSubstr(token));
}

TEST(WorkAllowanceTest, IsEarnedSavedAndSpent) {
  WorkAllowance allowance({.at_most = absl::Milliseconds(10),
                           .per_input = absl::Milliseconds(2),
                           .per_byte = absl::Milliseconds(1)});
  EXPECT_EQ(allowance.Earn(1), absl::Milliseconds(10));
  allowance.Spend(absl::Milliseconds(16));
  EXPECT_EQ(allowance.Earn(0), absl::Milliseconds(-4));
  EXPECT_EQ(allowance.Earn(3), absl::Milliseconds(1));
  // An input that is worth more than may be saved.
  EXPECT_EQ(allowance.Earn(20), absl::Milliseconds(22));
  EXPECT_EQ(allowance.Earn(0), absl::Milliseconds(10));
}

TEST(TokenizerLimitsTest, PreTokenizersGrowATextByABoundedFactor) {
  const auto tokenizer = Open(
      StrCat("\"pre_tokenizer\":",
             Sequence("pretokenizers",
                      R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})", 40),
             ","));
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode("ab"), IsOk());
  EXPECT_THAT((*tokenizer)->Encode("\u00E9"),
              StatusIs(kExhausted, HasSubstr("when it is pre-tokenized")));
}

TEST(TokenizerLimitsTest, NormalizersOfCharactersGrowATextByABoundedFactor) {
  const auto tokenizer =
      Open(StrCat("\"normalizer\":", Sequence("normalizers", R"({"type":"ByteLevel"})", 40), ","));
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode("\u00E9"),
              StatusIs(kExhausted, HasSubstr("when it is normalized")));
}

TEST(TokenizerLimitsTest, ComponentsAreCountedThroughAllSequences) {
  const std::string sixteen = Sequence("decoders", R"({"type":"Fuse"})", 15);
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", sixteen, 16), ",")), IsOk());
  EXPECT_THAT(Open(StrCat("\"decoder\":", Sequence("decoders", sixteen, 17), ",")),
              StatusIs(kInvalid, HasSubstr("at most 256 components in all")));
  for (const auto& [kind, list, component] :
       {std::tuple("normalizer", "normalizers", R"({"type":"NFC"})"),
        std::tuple("pre_tokenizer", "pretokenizers", R"({"type":"Whitespace"})"),
        std::tuple("post_processor", "processors", R"({"type":"ByteLevel"})")}) {
    const std::string many = Sequence(list, component, 200);
    EXPECT_THAT(Open(StrCat("\"", kind, "\":", Sequence(list, many, 2), ",")),
                StatusIs(kInvalid, HasSubstr("at most 256 components in all")));
  }
}

TEST(TokenizerLimitsTest, NormalizingAddedTokensIsBounded) {
  // Each takes milliseconds under this pattern.
  std::string tokens;
  for (int i = 0; i < 4000; ++i) {
    StrAppend(&tokens, i > 0 ? "," : "", R"({"id":)", i + 2, R"(,"normalized":true,"content":")",
              std::string(20, 'a'), "c", i, "\"}");
  }
  EXPECT_THAT(
      Open(StrCat(R"("normalizer":{"type":"Replace","pattern":{"Regex":"(a+)+$"},"content":""},)",
                  "\"added_tokens\":[", tokens, "],")),
      StatusIs(kExhausted, AllOf(HasSubstr("tokenizer.json"), HasSubstr("processor time"))));
}

TEST(TokenizerLimitsTest, AffixesAreShort) {
  for (const std::string_view name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    EXPECT_THAT(Open("", StrCat("\"", name, "\":\"", std::string(1024, 'x'), "\",")), IsOk());
    EXPECT_THAT(Open("", StrCat("\"", name, "\":\"", std::string(1025, 'x'), "\",")),
                StatusIs(kInvalid, HasSubstr("at most 1024 bytes, found 1025")));
  }
}

TEST(TokenizerLimitsTest, APostProcessorAddsTokens) {
  EXPECT_THAT(Open(R"("post_processor":{"type":"BertProcessing","cls":["x",7],"sep":["b",1]},)"),
              StatusIs(kInvalid, HasSubstr("post_processor: expected ids of tokens, found 7")));
  EXPECT_THAT(Open(R"("added_tokens":[{"id":7,"content":"x"}],)"
                   R"("post_processor":{"type":"BertProcessing","cls":["x",7],"sep":["b",1]},)"),
              IsOk());
}

TEST(ByteTrieTest, FindsNoEmptyKey) {
  const ByteTrie trie({{"", 0}, {"a", 1}});
  EXPECT_EQ(trie.LongestPrefix("ab"), std::pair(size_t{1}, 1));
  EXPECT_EQ(trie.LongestPrefix("b"), std::pair(size_t{0}, ByteTrie::kNoValue));
  EXPECT_EQ(trie.LongestPrefix(""), std::pair(size_t{0}, ByteTrie::kNoValue));
}

}  // namespace
}  // namespace firstlight
