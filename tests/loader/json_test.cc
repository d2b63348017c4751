#include "loader/json.h"

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

std::unique_ptr<const JsonDocument> MustParse(std::string text) {
  auto document = JsonDocument::Parse("config.json", std::move(text));
  EXPECT_THAT(document, IsOk());
  return *std::move(document);
}

absl::Status ParseError(std::string text, const JsonOptions& options = {}) {
  return JsonDocument::Parse("config.json", std::move(text), options).status();
}

TEST(JsonTest, ReadsEveryType) {
  const auto document = MustParse(
      R"({"b": true, "i": -7, "e": 1e-05, "s": "caf\u00e9", "whole": 4096.0, "n": null,
          "a": [1, [2], {"k": "v"}], "o": {"x": 1, "y": 2}})");
  const JsonValue root = document->root();
  EXPECT_EQ(*root.GetBool("b"), true);
  EXPECT_EQ(*root.GetInt64("i"), -7);
  EXPECT_EQ(*root.GetDouble("i"), -7.0);
  EXPECT_EQ(*root.GetDouble("e"), 1e-05);
  EXPECT_EQ(*root.GetInt64("whole"), 4096);
  EXPECT_EQ(*root.GetString("s"), "café");
  EXPECT_EQ(root.GetArray("a")->size(), 3);
  EXPECT_EQ(root.GetObject("o")->size(), 2);
}

TEST(JsonTest, IteratesInTheOrderOfTheFile) {
  const auto document = MustParse(R"({"z": [3, 1, 2], "a": [], "m": {}})");
  const JsonObject root = *document->root().AsObject();
  std::vector<std::string> keys;
  for (const auto [key, value] : root) keys.emplace_back(key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m"));
  std::vector<int64_t> numbers;
  const JsonArray z = *document->root().GetArray("z");
  for (const JsonValue value : z) {
    numbers.push_back(*value.AsInt64());
  }
  EXPECT_THAT(numbers, ElementsAre(3, 1, 2));
  const JsonArray a = *document->root().GetArray("a");
  for ([[maybe_unused]] const JsonValue value : a) ADD_FAILURE();
  const JsonObject m = *document->root().GetObject("m");
  for ([[maybe_unused]] const auto member : m) ADD_FAILURE();
}

TEST(JsonTest, AbsentAndNullAreTheFallbackAndTheWrongTypeIsAnError) {
  const auto document = MustParse(R"({"null": null, "text": "abc"})");
  const JsonValue root = document->root();
  for (const char* key : {"null", "absent"}) {
    EXPECT_FALSE(root.Find(key).has_value());
    EXPECT_EQ(*root.GetInt64(key, 5), 5);
    EXPECT_EQ(*root.GetDouble(key, 0.5), 0.5);
    EXPECT_EQ(*root.GetBool(key, true), true);
    EXPECT_EQ(*root.GetString(key, "x"), "x");
    EXPECT_THAT(root.GetInt64(key), StatusIs(kInvalid, HasSubstr("missing")));
  }
  EXPECT_THAT(root.GetInt64("text", 5), StatusIs(kInvalid,
                                                 "config.json: field \"text\": expected "
                                                 "an integer, found \"abc\""));
}

TEST(JsonTest, ErrorsNameThePath) {
  const auto document = MustParse(
      R"({"first": [[0]], "rope_scaling": {"factor": "eight", "list": [1, {"deep": [2.5]}]}})");
  const JsonValue scaling = *document->root().Get("rope_scaling");
  EXPECT_THAT(scaling.GetDouble("factor"),
              StatusIs(kInvalid,
                       "config.json: field \"rope_scaling.factor\": expected a number, "
                       "found \"eight\""));
  EXPECT_THAT(scaling.GetDouble("low_freq_factor"),
              StatusIs(kInvalid, "config.json: field \"rope_scaling.low_freq_factor\": missing"));
  const JsonArray list = *scaling.GetArray("list");
  for (const JsonValue value : list) {
    const auto deep = value.Find("deep");
    if (!deep.has_value()) continue;
    EXPECT_EQ(deep->Path(), "rope_scaling.list[1].deep");
    EXPECT_THAT((*deep->AsArray()->begin()).AsInt64(),
                StatusIs(kInvalid, HasSubstr("\"rope_scaling.list[1].deep[0]\": expected an "
                                             "integer, found 2.5")));
  }
  EXPECT_EQ(document->root().Path(), "");
  EXPECT_THAT(document->root().AsArray(),
              StatusIs(kInvalid, "config.json: expected an array, found an object"));
}

TEST(JsonTest, IntegersDoNotLoseTheirValue) {
  const auto document = MustParse(
      R"({"big": 9223372036854775807, "unsigned": 18446744073709551615, "far": 1e300,
          "half": 0.5, "beyond": 9007199254740994.0})");
  const JsonValue root = document->root();
  EXPECT_EQ(*root.GetInt64("big"), 9223372036854775807);
  for (const char* key : {"unsigned", "far", "half", "beyond"}) {
    EXPECT_THAT(root.GetInt64(key), StatusIs(kInvalid, HasSubstr("expected an integer"))) << key;
  }
}

// What transformers writes for a tokenizer without a limit is 10^30 in full.
TEST(JsonTest, IntegersBeyond64BitsAreDoubles) {
  const auto document = MustParse(
      R"({"model_max_length": 1000000000000000019884624838656, "s": "1000000000000000019884624838656",
          "negative": [-18446744073709551616], "fits": 18446744073709551615, "d": 0.1000000000000000055511151231257827,
          "long": 12345678901234567890123.5, "e": 100000000000000000000000E2})");
  const JsonValue root = document->root();
  EXPECT_DOUBLE_EQ(*root.GetDouble("model_max_length"), 1e30);
  EXPECT_EQ(*root.GetString("s"), "1000000000000000019884624838656");
  const JsonArray negative = *root.GetArray("negative");
  EXPECT_DOUBLE_EQ(*(*negative.begin()).AsDouble(), -18446744073709551616.0);
  EXPECT_DOUBLE_EQ(*root.GetDouble("fits"), 18446744073709551615.0);
  EXPECT_EQ(*root.GetDouble("d"), 0.1);
  EXPECT_DOUBLE_EQ(*root.GetDouble("long"), 12345678901234567890123.5);
  EXPECT_DOUBLE_EQ(*root.GetDouble("e"), 1e25);
  EXPECT_THAT(root.GetInt64("model_max_length"),
              StatusIs(kInvalid, HasSubstr("expected an integer")));
  EXPECT_THAT(ParseError("[" + std::string(400, '9') + "]"),
              StatusIs(kInvalid, HasSubstr("number")));
  EXPECT_THAT(ParseError("[0" + std::string(30, '9') + "]"),
              StatusIs(kInvalid, HasSubstr("number")));
}

TEST(JsonTest, KeepsTheDigitsOfIntegersBeyond64Bits) {
  const auto document = MustParse(
      R"({"a": [1, -2.5, 1000000000000000019884624838656], "b": -99999999999999999999,)"
      R"( "c": 18446744073709551615, "d": "18446744073709551616", "e": 9223372036854775807})");
  const JsonValue root = document->root();
  const JsonArray numbers = *root.GetArray("a");
  std::vector<std::string> digits;
  for (const JsonValue number : numbers) digits.push_back(number.HugeInteger().value_or("none"));
  EXPECT_THAT(digits, ElementsAre("none", "none", "1000000000000000019884624838656"));
  EXPECT_EQ(root.Get("b")->HugeInteger(), "-99999999999999999999");
  EXPECT_EQ(root.Get("c")->HugeInteger(), "18446744073709551615");
  EXPECT_EQ(root.Get("d")->HugeInteger(), std::nullopt);
  EXPECT_EQ(root.Get("e")->HugeInteger(), std::nullopt);
}

TEST(JsonTest, RefusesWhatPythonWritesAndJsonDoesNotKnow) {
  EXPECT_THAT(ParseError(R"({"a": NaN})"), StatusIs(kInvalid, HasSubstr("found NaN")));
  EXPECT_THAT(ParseError(R"({"a": [0.0, Infinity]})"),
              StatusIs(kInvalid, HasSubstr("found Infinity")));
  EXPECT_THAT(ParseError(R"({"a": -Infinity})"), StatusIs(kInvalid, HasSubstr("found Infinity")));
  const JsonOptions python = {.python_numbers = true};
  const auto parsed = JsonDocument::Parse(
      "config.json", R"({"a": [0.5, Infinity, -Infinity,NaN], "b": "-Infinity \"NaN"})", python);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::string found;
  const auto values = (*parsed)->root().GetArray("a");
  ASSERT_TRUE(values.ok()) << values.status();
  for (const JsonValue value : *values) {
    found += value.type() == JsonType::kString ? std::string(*value.AsString()) + " " : "";
  }
  EXPECT_EQ(found, "Inf -Inf N ");
  EXPECT_EQ(*(*parsed)->root().GetString("b"), "-Infinity \"NaN");
  EXPECT_FALSE(JsonDocument::Parse("config.json", R"({"a": Inf})", python).ok());
  EXPECT_EQ(*MustParse(R"({"a": "NaN \"Infinity"})")->root().GetString("a"), "NaN \"Infinity");
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const char* text : {"", " ", "{", "}", "[1,]", "{\"a\" 1}", "{\"a\":1}x", "\"open", "\\\"",
                           "{\"a\":\"\\", "01", "1e999", "nul", "{'a':1}", "\xff",
                           "{\"a\":\"\xc3\"}", "{\"\\ud800\":1}", "[1 2]", "\xef\xbb\xbf{}"}) {
    EXPECT_THAT(ParseError(text), StatusIs(kInvalid, HasSubstr("config.json"))) << text;
  }
}

TEST(JsonTest, RefusesADuplicateKeyAtAnyDepth) {
  EXPECT_THAT(ParseError(R"({"a": 1, "a": 2})"),
              StatusIs(kInvalid, HasSubstr("duplicate key \"a\"")));
  EXPECT_THAT(ParseError(R"([{"x": [{"k": 1, "j": 2, "\u006b": 3}]}])"),
              StatusIs(kInvalid, HasSubstr("duplicate key \"k\"")));
  const auto document =
      JsonDocument::Parse("f", R"({"a": 1, "a": 2})", {.refuse_duplicate_keys = false});
  ASSERT_THAT(document, IsOk());
  EXPECT_EQ(*(*document)->root().GetInt64("a"), 1);
}

TEST(JsonTest, BoundsDepthSizeAndStructure) {
  EXPECT_THAT(ParseError(std::string(64, '[') + std::string(64, ']')), IsOk());
  EXPECT_THAT(ParseError(std::string(65, '[') + std::string(65, ']')),
              StatusIs(kExhausted, HasSubstr("64 levels")));
  EXPECT_THAT(ParseError("[1]", {.max_bytes = 2}),
              StatusIs(kExhausted, HasSubstr("at most 2 bytes of JSON, found 3")));
  EXPECT_THAT(ParseError("[1,2,3]", {.max_structural_characters = 4}), IsOk());
  EXPECT_THAT(ParseError("[1,2,3,4]", {.max_structural_characters = 4}),
              StatusIs(kExhausted, HasSubstr("at most 4 brackets")));
  EXPECT_THAT(ParseError("[\"[[[[,,,,\\\"::::\"]", {.max_structural_characters = 2}), IsOk());
}

TEST(JsonTest, CountsArraysThatSimdjsonSaturates) {
  constexpr size_t kValues = (size_t{1} << 24) + 5;
  std::string text = "[1";
  for (size_t i = 1; i < kValues; ++i) text += ",1";
  text += "]";
  const auto document =
      JsonDocument::Parse("f", std::move(text), {.max_structural_characters = int64_t{1} << 25});
  ASSERT_THAT(document, IsOk());
  EXPECT_EQ((*document)->root().AsArray()->size(), kValues);
}

// Every value below `value`, which is at `path`, says so itself.
void ExpectPaths(const JsonValue& value, const std::string& path) {
  ASSERT_EQ(value.Path(), path);
  if (value.type() == JsonType::kArray) {
    const JsonArray array = *value.AsArray();
    size_t index = 0;
    for (const JsonValue item : array) {
      ExpectPaths(item, path + "[" + std::to_string(index++) + "]");
    }
    EXPECT_EQ(array.size(), index);
  } else if (value.type() == JsonType::kObject) {
    const JsonObject object = *value.AsObject();
    size_t members = 0;
    for (const auto [key, member] : object) {
      ExpectPaths(member, path + (path.empty() ? "" : ".") + std::string(key));
      ++members;
    }
    EXPECT_EQ(object.size(), members);
  }
}

TEST(JsonTest, SurvivesMutationAndKnowsEveryPath) {
  const std::string good =
      R"({"a": [1, [], {"b": {}}], "c": {"d": [null, true, -1.5e3, "x\u00e9"], "e": "f"}, "g": 1})";
  ExpectPaths(MustParse(good)->root(), "");
  const std::string_view alphabet = "{}[]:,\"\\0129.-eENIntu \xc3";
  std::mt19937 random(7);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (size_t edit = 0; edit < 1 + random() % 2; ++edit) {
      const size_t place = random() % text.size();
      if (random() % 2 == 0) {
        text[place] = alphabet[random() % alphabet.size()];
      } else {
        text.insert(place, text.substr(random() % text.size(), random() % 12));
      }
    }
    const auto document = JsonDocument::Parse("f", text);
    if (!document.ok()) continue;
    ++accepted;
    ExpectPaths((*document)->root(), "");
  }
  EXPECT_GT(accepted, 100);
}

TEST(JsonTest, ReadFileNamesTheFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("tokenizer_config.json", "{\"a\": }");
  EXPECT_THAT(JsonDocument::ReadFile(path),
              StatusIs(kInvalid, HasSubstr("tokenizer_config.json: not valid JSON")));
  EXPECT_THAT(JsonDocument::ReadFile(directory.File("absent.json")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent.json")));
  EXPECT_THAT(JsonDocument::ReadFile(path, {.max_bytes = 3}),
              StatusIs(kExhausted, AllOf(HasSubstr("at most 3 bytes"), HasSubstr("found 7"))));
}

}  // namespace
}  // namespace firstlight
