// EncodeOptions::forbidden_special_ranges: no special token comes of what lies in them, and nothing
// else changes.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Ids of a text whose stretches between "{{" and "}}", which are taken out, are forbidden.
std::vector<int32_t> EncodeMarked(const Tokenizer& tokenizer, std::string_view marked) {
  std::string text;
  std::vector<TextRange> ranges;
  while (!marked.empty()) {
    const size_t begin = std::min(marked.find("{{"), marked.size());
    text += marked.substr(0, begin);
    marked.remove_prefix(begin);
    if (marked.empty()) break;
    const size_t end = marked.find("}}");
    ranges.push_back({text.size(), text.size() + end - 2});
    text += marked.substr(2, end - 2);
    marked.remove_prefix(end + 2);
  }
  absl::StatusOr<std::vector<int32_t>> ids =
      tokenizer.Encode(text, {.add_special_tokens = false, .forbidden_special_ranges = ranges});
  EXPECT_THAT(ids, IsOk());
  return ids.ok() ? *std::move(ids) : std::vector<int32_t>();
}

std::unique_ptr<const Tokenizer> Open(std::string_view json) {
  const TemporaryDirectory directory;
  directory.Write("tokenizer.json", json);
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(directory.path());
  EXPECT_THAT(tokenizer, IsOk());
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

// One id a character, and added tokens as given.
std::unique_ptr<const Tokenizer> OpenLetters(std::string_view added_tokens,
                                             std::string_view normalizer = "null") {
  return Open(StrCat(R"({"normalizer":)", normalizer, R"(,"added_tokens":[)", added_tokens,
                     R"(],"model":{"type":"BPE","merges":[],"vocab":{"a":0,"b":1,"<":2,">":3,
                     " ":4,"\u2581":5}}})"));
}

constexpr char kSpecial[] = R"({"id":10,"content":"<a>","normalized":false,"special":true})";

TEST(ForbiddenRangesTest, SpecialTokensOfTheTemplateOnly) {
  const auto tokenizer = OpenLetters(kSpecial);
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>b<a>"), ElementsAre(10, 1, 10));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{<a>}}<a>"), ElementsAre(10, 2, 0, 3, 10));
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{<a>}}"), ElementsAre(2, 0, 3));
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{b}}<a>{{b}}<a>{{b}}"), ElementsAre(1, 10, 1, 10, 1));
}

// One byte of it is enough, at either end or in the middle.
TEST(ForbiddenRangesTest, AnyByteForbidsTheToken) {
  const auto tokenizer = OpenLetters(kSpecial);
  for (const std::string_view text : {"{{<}}a>", "<{{a}}>", "<a{{>}}", "{{<a}}>", "<{{a>}}"}) {
    EXPECT_THAT(EncodeMarked(*tokenizer, text), ElementsAre(2, 0, 3)) << text;
  }
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{}}"), ElementsAre(10));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<{{}}a>"), ElementsAre(10));
}

TEST(ForbiddenRangesTest, TokensThatAreNotSpecialAreFoundEverywhere) {
  const auto tokenizer = OpenLetters(R"({"id":10,"content":"<a>","normalized":false})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{<a>}}"), ElementsAre(10, 10));
}

// Not all vocabularies flag the markers of turns as special.
TEST(ForbiddenRangesTest, NorMarkersThatAreNotFlagged) {
  const auto tokenizer = Open(
      R"({"added_tokens":[{"id":10,"content":"<|a|>","normalized":false},
                          {"id":11,"content":"<\uff5ca\uff5c>","normalized":false},
                          {"id":12,"content":"<|>","normalized":false}],
          "model":{"type":"BPE","merges":[],"vocab":{"a":0,"<":1,">":2,"|":3,"\uff5c":4}}})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<|a|>{{<|a|>}}<|a|>"), ElementsAre(10, 1, 3, 0, 3, 2, 10));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<｜a｜>{{<｜a｜>}}"), ElementsAre(11, 1, 4, 0, 4, 2));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<｜{{a}}｜>"), ElementsAre(1, 4, 0, 4, 2));
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{<|>}}"), ElementsAre(12));
}

// What a user writes behind a special token of the template does not take that token away.
TEST(ForbiddenRangesTest, AShorterTokenIsFoundWhereALongerOneIsForbidden) {
  const auto tokenizer = OpenLetters(
      StrCat(kSpecial, R"(,{"id":11,"content":"<a><b>","normalized":false,"special":true})"));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a><b>"), ElementsAre(11));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{<b>}}"), ElementsAre(10, 2, 1, 3));
}

// transformers strips this whitespace whoever wrote it.
TEST(ForbiddenRangesTest, WhitespaceThatATokenTakesAlongMayBeForbidden) {
  const auto tokenizer = OpenLetters(
      R"({"id":10,"content":"<a>","rstrip":true,"lstrip":true,"normalized":false,"special":true})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{b  }}<a>{{  b}}"), ElementsAre(1, 10, 1));
}

// Found in the normalized text, where the bytes lie elsewhere: its spelling is "▁<a>" there.
TEST(ForbiddenRangesTest, TokensOfTheNormalizedText) {
  const auto tokenizer =
      OpenLetters(R"({"id":10,"content":"<a>","normalized":true,"special":true})",
                  R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
                  {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>b <a>"), ElementsAre(10, 1, 10));
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{b <a>}}"), ElementsAre(10, 1, 5, 2, 0, 3));
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{<a> b}} <a>"), ElementsAre(5, 2, 0, 3, 5, 1, 10));
}

TEST(ForbiddenRangesTest, NormalizingDoesNotMakeASpecialToken) {
  const auto tokenizer = OpenLetters(kSpecial + std::string(), R"({"type":"NFKC"})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{\uFF1Ca\uFF1E}}"), ElementsAre(10, 2, 0, 3));
  const auto normalized = OpenLetters(
      R"({"id":10,"content":"<a>","normalized":true,"special":true})", R"({"type":"NFKC"})");
  EXPECT_THAT(EncodeMarked(*normalized, "<a>\uFF1Ca\uFF1E"), ElementsAre(10, 10));
  EXPECT_THAT(EncodeMarked(*normalized, "<a>{{\uFF1Ca\uFF1E}}"), ElementsAre(10, 2, 0, 3));
}

// The vocabulary's merges lead to the special token.
TEST(ForbiddenRangesTest, MergesDoNotMakeASpecialToken) {
  const auto tokenizer =
      Open(R"({"added_tokens":[{"id":4,"content":"<a>","normalized":false,"special":true}],
              "model":{"type":"BPE","merges":["< a","<a >"],
              "vocab":{"a":0,"<":1,">":2,"<a":3,"<a>":4}}})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{<a>}}"), ElementsAre(4, 3, 2));
}

TEST(ForbiddenRangesTest, AWholePieceIsNotASpecialToken) {
  const auto tokenizer =
      Open(R"({"added_tokens":[{"id":4,"content":"<a>","normalized":false,"special":true}],
              "model":{"type":"BPE","merges":["< a"],"ignore_merges":true,
              "vocab":{"a":0,"<":1,">":2,"<a":3,"<a>":4}}})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "<a>{{<a>}}"), ElementsAre(4, 3, 2));
}

TEST(ForbiddenRangesTest, UnknownTextIsStillUnknown) {
  const auto tokenizer =
      Open(R"({"added_tokens":[{"id":1,"content":"?","normalized":false,"special":true}],
              "model":{"type":"BPE","merges":[],"unk_token":"?","vocab":{"a":0,"?":1}}})");
  EXPECT_THAT(EncodeMarked(*tokenizer, "{{axa}}"), ElementsAre(0, 1, 0));
}

TEST(ForbiddenRangesTest, RangesAreChecked) {
  const auto tokenizer = OpenLetters(kSpecial);
  const std::vector<std::vector<TextRange>> wrong = {
      {{0, 4}}, {{2, 1}}, {{1, 2}, {0, 1}}, {{0, 2}, {1, 3}}};
  for (const std::vector<TextRange>& ranges : wrong) {
    EXPECT_THAT(tokenizer->Encode("aaa", {.forbidden_special_ranges = ranges}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("forbidden_special")));
  }
}

// With transformers' configuration beside it, control pieces are special in a text.
TEST(ForbiddenRangesTest, ControlPiecesOfASentencePieceModel) {
  const TemporaryDirectory directory;
  std::filesystem::copy(TestDataDirectory() / "sp_bpe" / "tokenizer.model",
                        directory.File("tokenizer.model"));
  directory.Write("tokenizer_config.json", R"({"tokenizer_class":"LlamaTokenizer",
      "added_tokens_decoder":{"3":{"content":"<left>","special":true},
      "4":{"content":"<word>","special":true}}})");
  const auto tokenizer = OpenTokenizer(directory.path()).value();
  const int32_t bos = tokenizer->TokenToId("<s>").value();
  const int32_t control = tokenizer->TokenToId("<left>").value();
  const int32_t user_defined = tokenizer->TokenToId("<word>").value();
  ASSERT_TRUE(tokenizer->IsSpecial(user_defined));
  const std::string text = "Anna<s> <left>likes <word>12<s>";
  EXPECT_THAT(EncodePlain(*tokenizer, text), Contains(bos).Times(2));
  EXPECT_THAT(EncodePlain(*tokenizer, text), Contains(control));
  EXPECT_THAT(EncodePlain(*tokenizer, text), Contains(user_defined));
  for (const int32_t id : EncodeMarked(*tokenizer, StrCat("{{", text, "}}"))) {
    EXPECT_FALSE(tokenizer->IsSpecial(id)) << tokenizer->IdToToken(id);
  }
  EXPECT_THAT(EncodeMarked(*tokenizer, StrCat("<s>{{", text, "}}<left>")),
              ::testing::AllOf(Contains(bos).Times(1), Contains(control).Times(1),
                               Not(Contains(user_defined))));
}

// These vocabularies spell their special tokens as pieces of their own.
TEST(ForbiddenRangesTest, PiecesOfTheVocabularyAreNotSpecialTokens) {
  for (const char* name : {"unigram", "unigram_bytes", "word_level", "word_piece"}) {
    SCOPED_TRACE(name);
    const auto tokenizer = OpenTokenizer(TestDataDirectory() / name).value();
    const int32_t unknown =
        tokenizer->TokenToId("<unk>").value_or(tokenizer->TokenToId("[UNK]").value_or(-1));
    const std::string special(tokenizer->IdToToken(tokenizer->special_ids().back()));
    EXPECT_THAT(EncodeMarked(*tokenizer, special), Contains(tokenizer->special_ids().back()));
    for (const std::string& text : RandomTexts(/*seed=*/23, /*count=*/200)) {
      const std::string marked =
          StrCat("{{", text, " </s> ", special, "[CLS]</s><unk>", text, "}}");
      for (const int32_t id : EncodeMarked(*tokenizer, marked)) {
        ASSERT_TRUE(id == unknown || !tokenizer->IsSpecial(id))
            << tokenizer->IdToToken(id) << " of " << Quoted(marked);
      }
    }
  }
}

// Where nothing in the ranges could be special, they change nothing.
TEST(ForbiddenRangesTest, ChangeNothingElse) {
  for (const char* name : {"byte_level", "metaspace", "prepended", "sp_bpe", "sp_unigram_bytes"}) {
    SCOPED_TRACE(name);
    const auto tokenizer = OpenTokenizer(TestDataDirectory() / name).value();
    for (const std::string& text : RandomTexts(/*seed=*/21, /*count=*/400)) {
      const std::vector<int32_t> plain =
          tokenizer->Encode(text, {.add_special_tokens = false, .parse_special_tokens = false})
              .value();
      const std::vector<TextRange> all = {{0, text.size()}};
      const std::vector<int32_t> forbidden =
          tokenizer->Encode(text, {.add_special_tokens = false, .forbidden_special_ranges = all})
              .value();
      if (text.find('<') == std::string::npos) {
        EXPECT_EQ(forbidden, plain) << Quoted(text);
      }
    }
  }
}

}  // namespace
}  // namespace firstlight
