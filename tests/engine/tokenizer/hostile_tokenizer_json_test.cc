// tokenizer.json written to do harm, or merely wrong: a clear error, bounded memory, no crash.

#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kVocab[] = R"({"a":0,"b":1,"ab":2})";
constexpr char kMerges[] = R"([["a","b"]])";

// A tokenizer.json with members of the root and of the model besides vocab and merges.
std::string File(std::string_view members = "", std::string_view vocab = kVocab,
                 std::string_view merges = kMerges, std::string_view model_members = "") {
  return StrCat("{", members, members.empty() ? "" : ",", R"("model":{"type":"BPE",)",
                model_members, model_members.empty() ? "" : ",", "\"vocab\":", vocab,
                ",\"merges\":", merges, "}}");
}

// One whose model has these members.
std::string Model(std::string_view members) { return StrCat(R"({"model":{)", members, "}}"); }

absl::StatusOr<std::unique_ptr<const Tokenizer>> Open(std::string_view file) {
  const TemporaryDirectory directory;
  directory.Write("tokenizer.json", file);
  return OpenTokenizer(directory.path());
}

TEST(TokenizerJsonTest, TheSmallestOneWorks) {
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = Open(File());
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode("abba").value(), ::testing::ElementsAre(2, 1, 0));
}

TEST(TokenizerJsonTest, ATypeLeftOutIsThatOfTheFields) {
  EXPECT_EQ((*Open(Model(R"("unk_id":0,"vocab":[["a",0],["b",-1]])")))->Encode("b").value(),
            std::vector<int32_t>{1});
  EXPECT_EQ((*Open(Model(R"("unk_token":"?","vocab":{"?":0,"ab":1})")))->Encode("ab").value(),
            std::vector<int32_t>{1});
}

TEST(TokenizerJsonTest, UnigramWithoutAnUnknownTokenRefusesUnknownText) {
  const auto tokenizer = Open(Model(R"("type":"Unigram","vocab":[["a",0]])"));
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode("aa"), IsOk());
  EXPECT_THAT((*tokenizer)->Encode("aba"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no token for \"b\"")));
}

// Every place of the text begins the longest piece and none of its other beginnings is one.
TEST(HostileTokenizerJsonTest, ALongPieceDoesNotMakeUnigramQuadraticBeyondItsLimit) {
  const auto tokenizer = Open(Model(StrCat(R"("type":"Unigram","unk_id":0,"vocab":[["?",0],[")",
                                           std::string(size_t{1} << 20, 'a'), R"(b",-1]])")));
  ASSERT_THAT(tokenizer, IsOk());
  int asked = 0;
  EXPECT_THAT(
      (*tokenizer)
          ->Encode(std::string(size_t{1} << 20, 'a'), {.cancelled = [&] { return ++asked == 3; }}),
      StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
}

struct Case {
  const char* name;
  std::string file;
  absl::StatusCode code;
  const char* message;
};

class RefusedTest : public ::testing::TestWithParam<Case> {};

TEST_P(RefusedTest, NamesWhatIsWrong) {
  EXPECT_THAT(Open(GetParam().file),
              StatusIs(GetParam().code,
                       AllOf(HasSubstr("tokenizer.json: "), HasSubstr(GetParam().message))));
}

std::string Nested(std::string_view key, std::string_view type, std::string_view list, int depth) {
  std::string json = R"({"type":"NFC"})";
  for (int i = 0; i < depth; ++i) {
    json = StrCat(R"({"type":")", type, R"(",")", list, "\":[", json, "]}");
  }
  return StrCat("\"", key, "\":", json);
}

std::string LongTemplate() {
  std::string items = R"({"Sequence":{"id":"A","type_id":0}})";
  for (int i = 0; i < 1000; ++i) {
    items += R"(,{"SpecialToken":{"id":"x","type_id":0}})";
  }
  return StrCat(R"("post_processor":{"type":"TemplateProcessing","single":[)", items,
                R"(],"special_tokens":{"x":{"id":"x","ids":[0],"tokens":["x"]}}})");
}

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

std::vector<Case> Cases() {
  return {
      Case{"NotJson", "{", kInvalid, "not valid JSON"},
      Case{"NoModel", "{}", kInvalid, "model"},
      Case{"ModelType", R"({"model":{"type":"Sideways"}})", kUnimplemented,
           "model type \"Sideways\" is not implemented"},
      Case{"Normalizer", File(R"("normalizer":{"type":"Sideways"})"), kUnimplemented,
           "normalizer type \"Sideways\" is not implemented"},
      Case{"PreTokenizer", File(R"("pre_tokenizer":{"type":"Sideways"})"), kUnimplemented,
           "pre_tokenizer type \"Sideways\" is not implemented"},
      Case{"PostProcessor", File(R"("post_processor":{"type":"Sideways"})"), kUnimplemented,
           "post_processor type \"Sideways\" is not implemented"},
      Case{"Decoder", File(R"("decoder":{"type":"Sideways"})"), kUnimplemented,
           "decoder type \"Sideways\" is not implemented"},
      Case{"Dropout", File("", kVocab, kMerges, R"("dropout":0.1)"), kUnimplemented, "dropout"},
      Case{"UnigramNoVocab", R"({"model":{"type":"Unigram"}})", kInvalid, "vocab"},
      Case{"UnigramPair", Model(R"("type":"Unigram","vocab":[["a",0],["b"]])"), kInvalid,
           "vocab[1]"},
      Case{"UnigramScore", Model(R"("type":"Unigram","vocab":[["a","0"]])"), kInvalid, "number"},
      Case{"UnigramTwice", Model(R"("type":"Unigram","vocab":[["a",0],["a",1]])"), kInvalid,
           "\"a\""},
      Case{"UnigramUnknown", Model(R"("type":"Unigram","unk_id":1,"vocab":[["a",0]])"), kInvalid,
           "unk_id"},
      Case{"WordPieceUnknown", Model(R"("type":"WordPiece","vocab":{"a":0})"), kInvalid, "[UNK]"},
      Case{"WordPieceLength",
           Model(R"("type":"WordPiece","max_input_chars_per_word":-1,"vocab":{"[UNK]":0})"),
           kInvalid, "max_input_chars_per_word"},
      Case{"WordLevelUnknown", Model(R"("type":"WordLevel","unk_token":"?","vocab":{"a":0})"),
           kInvalid, "\"?\""},
      Case{"CharsmapBase64",
           File(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"%"})"), kInvalid,
           "base64"},
      Case{"CharsmapTable",
           File(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAAAAAA"})"),
           kInvalid, "trie"},
      Case{"Delimiter", File(R"("pre_tokenizer":{"type":"CharDelimiterSplit","delimiter":"ab"})"),
           kInvalid, "one character"},
      Case{"BertPair",
           File(R"("post_processor":{"type":"BertProcessing","cls":["a"],"sep":["b",1]})"),
           kInvalid, "cls"},
      Case{"BertId", File(R"("post_processor":{"type":"RobertaProcessing","cls":["a",-1],
                  "sep":["b",1]})"),
           kInvalid, "-1"},
      Case{"Suffix", File(R"("decoder":{"type":"BPEDecoder","suffix":""})"), kInvalid, "suffix"},
      Case{"HugeId", File("", R"({"a":0,"b":4000000000})", "[]"), kInvalid, "4000000000"},
      Case{"IdBeyondLimit", File("", R"({"a":0,"b":4194304})", "[]"), kInvalid, "4194304"},
      Case{"NegativeId", File("", R"({"a":-1})", "[]"), kInvalid, "-1"},
      Case{"FractionalId", File("", R"({"a":0.5})", "[]"), kInvalid, "integer"},
      Case{"DuplicateId", File("", R"({"a":0,"b":0})", "[]"), kInvalid, "id 0"},
      Case{"DuplicateToken", File("", R"({"a":0,"a":1})", "[]"), kInvalid, "a"},
      Case{"MergeOfAbsent", File("", kVocab, R"([["a","c"]])"), kInvalid, "\"c\""},
      Case{"MergeToAbsent", File("", kVocab, R"([["b","a"]])"), kInvalid, "\"ba\""},
      Case{"MergeOfThree", File("", kVocab, R"(["a b c"])"), kInvalid, "merges[0]"},
      Case{"MergeOfOne", File("", kVocab, R"([["a"]])"), kInvalid, "merges[0]"},
      Case{"UnknownAbsent", File("", kVocab, kMerges, R"("unk_token":"<unk>")"), kInvalid, "<unk>"},
      Case{"AddedTwice", File(R"("added_tokens":[{"id":7,"content":"x"},{"id":7,"content":"y"}])"),
           kInvalid, "id 7"},
      Case{"AddedHugeId", File(R"("added_tokens":[{"id":99999999999,"content":"x"}])"), kInvalid,
           "99999999999"},
      Case{"AddedElsewhere", File(R"("added_tokens":[{"id":7,"content":"a"}])"), kInvalid,
           "expected id 0"},
      Case{"AddedTooLong",
           File(StrCat(R"("added_tokens":[{"id":7,"content":")", std::string(2000, 'x'), "\"}]")),
           kInvalid, "2000"},
      Case{"DeepSequence", File(Nested("normalizer", "Sequence", "normalizers", 20)), kInvalid,
           "nest"},
      Case{"LongTemplate", File(LongTemplate()), kInvalid, "template"},
      Case{"TemplateTwice", File(R"("post_processor":{"type":"TemplateProcessing","single":[
                  {"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                  "special_tokens":{}})"),
           kInvalid, "sequence A once"},
      Case{"TemplateUnknownToken", File(R"("post_processor":{"type":"TemplateProcessing","single":[
                  {"SpecialToken":{"id":"<x>","type_id":0}}],"special_tokens":{}})"),
           kInvalid, "<x>"},
      Case{"RegexMalformed", File(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},
                  "behavior":"Isolated","invert":false})"),
           kInvalid, "pattern"},
      Case{"RegexBomb", File(R"js("pre_tokenizer":{"type":"Split","pattern":{"Regex":
                  "(((a{1000}){1000}){1000})"},"behavior":"Isolated","invert":false})js"),
           kInvalid, "pattern"},
      Case{"Behavior", File(R"("pre_tokenizer":{"type":"Split","pattern":{"String":"x"},
                  "behavior":"Sideways","invert":false})"),
           kInvalid, "Sideways"}};
}

INSTANTIATE_TEST_SUITE_P(All, RefusedTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HostileTokenizerJsonTest, DeepJsonIsRefused) {
  const std::string deep =
      StrCat(R"({"normalizer":)", std::string(100'000, '['), std::string(100'000, ']'), "}");
  EXPECT_FALSE(Open(deep).ok());
}

TEST(HostileTokenizerJsonTest, BacktrackingPatternFailsTheRequestOnly) {
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      Open(File(R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$b"},
                "behavior":"Isolated","invert":false})"));
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode(std::string(64, 'a') + "b"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("pattern")));
  EXPECT_THAT((*tokenizer)->Encode("bbb"), IsOk());
}

TEST(HostileTokenizerJsonTest, NormalizersCannotGrowATextWithoutBound) {
  const std::string step = StrCat(R"({"type":"Replace","pattern":{"String":"a"},"content":")",
                                  std::string(1000, 'a'), "\"}");
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      Open(File(StrCat(R"("normalizer":{"type":"Sequence","normalizers":[)", step, ",", step, ",",
                       step, ",", step, "]}")));
  ASSERT_THAT(tokenizer, IsOk());
  EXPECT_THAT((*tokenizer)->Encode("aaaa"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("normalized")));
}

// Bytes changed at random: whatever still opens must still work.
TEST(HostileTokenizerJsonTest, SurvivesMutation) {
  std::mt19937 random(10);
  for (const char* const name : {"byte_level", "metaspace", "prepended", "affixes", "unigram",
                                 "unigram_bytes", "word_piece", "word_level", "word_suffix"}) {
    std::ifstream stream(TestDataDirectory() / name / "tokenizer.json");
    const std::string original{std::istreambuf_iterator<char>(stream), {}};
    ASSERT_FALSE(original.empty());
    // Everything but the vocabulary is at the front; most mutations go there.
    const size_t front = original.find("\"vocab\"");
    for (int round = 0; round < FIRSTLIGHT_MUTATION_ROUNDS; ++round) {
      std::string mutated = original;
      const int changes = 1 + static_cast<int>(random() % 3);
      for (int i = 0; i < changes; ++i) {
        const size_t position = random() % (random() % 4 == 0 ? mutated.size() : front);
        switch (random() % 3) {
          case 0:
            mutated[position] = static_cast<char>(random());
            break;
          case 1:
            mutated.erase(position, 1 + random() % 8);
            break;
          default:
            mutated.insert(position, mutated.substr(random() % front, 1 + random() % 24));
        }
      }
      absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = Open(mutated);
      if (!tokenizer.ok()) {
        EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("tokenizer.json"));
        continue;
      }
      absl::StatusOr<std::vector<int32_t>> ids =
          (*tokenizer)->Encode("Anna <both> likes\u3000 \u732B 12 <s>\xC3\xA9");
      if (ids.ok()) {
        Decode(**tokenizer, *ids);
      }
    }
  }
}

}  // namespace
}  // namespace firstlight
