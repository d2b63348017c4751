// Against what the `tokenizers` and sentencepiece packages made of the same files and texts:
// testdata/, written by tests/golden/generate_tokenizers.py.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/formats/sentencepiece_proto.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

std::unique_ptr<const JsonDocument> ReadGolden(const std::string& name) {
  absl::StatusOr<std::unique_ptr<const JsonDocument>> document =
      JsonDocument::ReadFile(TestDataDirectory() / name);
  EXPECT_THAT(document, IsOk());
  return document.ok() ? *std::move(document) : nullptr;
}

std::vector<int32_t> Ids(const JsonValue& json) {
  std::vector<int32_t> ids;
  const JsonArray array = *json.AsArray();
  for (const JsonValue id : array) {
    ids.push_back(static_cast<int32_t>(id.AsInt64().value()));
  }
  return ids;
}

std::vector<std::string> Strings(const JsonValue& json) {
  std::vector<std::string> strings;
  const JsonArray array = *json.AsArray();
  for (const JsonValue value : array) {
    strings.emplace_back(value.AsString().value());
  }
  return strings;
}

class GoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
        OpenTokenizer(TestDataDirectory() / GetParam());
    ASSERT_THAT(tokenizer, IsOk());
    tokenizer_ = *std::move(tokenizer);
    golden_ = ReadGolden(std::string(GetParam()) + "/golden.json");
    ASSERT_NE(golden_, nullptr);
  }

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<const JsonDocument> golden_;
};

TEST_P(GoldenTest, EncodesAsTheReference) {
  const JsonArray cases = golden_->root().GetArray("encode").value();
  ASSERT_GT(cases.size(), 100U);
  const std::unique_ptr<const JsonDocument> corpus = ReadGolden("corpus.json");
  ASSERT_NE(corpus, nullptr);
  const std::vector<std::string> shared_texts = Strings(corpus->root());
  size_t i = 0;
  for (const JsonValue golden : cases) {
    // Those without texts of their own are over the shared ones, and leave out what is as "ids".
    const bool is_compact = !golden.Find("text").has_value();
    const std::string text =
        is_compact ? shared_texts.at(i) : std::string(golden.GetString("text").value());
    ++i;
    SCOPED_TRACE(Quoted(text));
    const JsonValue ids = golden.Get("ids").value();
    EXPECT_EQ(EncodePlain(*tokenizer_, text), Ids(ids));
    const auto with_special = golden.Find("with_special");
    if (with_special.has_value() || is_compact) {
      EXPECT_EQ(tokenizer_->Encode(text).value(), Ids(with_special.value_or(ids)));
    }
    const auto as_text = golden.Find("as_text");
    if (as_text.has_value() || is_compact) {
      EXPECT_EQ(
          tokenizer_->Encode(text, {.add_special_tokens = false, .parse_special_tokens = false})
              .value(),
          Ids(as_text.value_or(ids)));
    }
  }
}

TEST_P(GoldenTest, DecodesAsTheReference) {
  const JsonArray cases = golden_->root().GetArray("decode").value();
  ASSERT_GT(cases.size(), 10U);
  for (const JsonValue golden : cases) {
    const std::vector<int32_t> ids = Ids(golden.Get("ids").value());
    SCOPED_TRACE(::testing::PrintToString(ids));
    EXPECT_EQ(Decode(*tokenizer_, ids), golden.GetString("text").value());
    if (golden.Find("with_special").has_value()) {
      EXPECT_EQ(Decode(*tokenizer_, ids, {.skip_special_tokens = false}),
                golden.GetString("with_special").value());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, ::testing::ValuesIn(kAllTokenizers),
                         [](const auto& info) { return std::string(info.param); });

std::vector<std::string> PreTokenize(const JsonValue& json, std::string_view text) {
  const PreTokenizerFromJsonResult result =
      PreTokenizerFromJson(json, /*may_leave_bytes=*/false).value();
  const std::function<bool()> never;
  EncodeCancellation cancellation(never);
  PreTokenizedText pieces(text, /*starts_input=*/true);
  EXPECT_THAT(result.pre_tokenizer->Split(pieces, cancellation), IsOk());
  std::vector<std::string> out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    out.emplace_back(pieces.piece(i));
  }
  return out;
}

std::string Normalize(const JsonValue& json, std::string_view text) {
  const std::unique_ptr<const TextNormalizer> normalizer = NormalizerFromJson(json).value();
  const std::function<bool()> never;
  EncodeCancellation cancellation(never);
  NormalizedText normalized{std::string(text)};
  EXPECT_THAT(normalizer->Normalize(normalized, cancellation), IsOk());
  return normalized.text();
}

std::string DecodeTokens(const JsonValue& json, const std::vector<std::string>& tokens) {
  const std::unique_ptr<const TokenDecoder> decoder = DecoderFromJson(json).value();
  const std::unique_ptr<DecodeStage> decoding = decoder->Start(nullptr, /*in_parts=*/false);
  std::string text;
  for (const std::string& token : tokens) {
    decoding->Push(token, text);
  }
  decoding->Flush(text);
  return text;
}

// How many outputs it compared.
size_t CheckComponents(const JsonValue& group) {
  const std::vector<std::string> texts = Strings(group.Get("texts").value());
  size_t checked = 0;
  const JsonArray cases = *group.GetArray("cases");
  for (const JsonValue component : cases) {
    const std::string_view kind = component.GetString("kind").value();
    const JsonValue json = component.Get("json").value();
    SCOPED_TRACE(std::string(json.Path()) + " " + std::string(json.GetString("type").value()));
    size_t i = 0;
    const JsonArray outputs = *component.GetArray("out");
    for (const JsonValue expected : outputs) {
      if (kind == "pre_tokenizer") {
        EXPECT_EQ(PreTokenize(json, texts[i]), Strings(expected)) << Quoted(texts[i]);
      } else if (kind == "normalizer") {
        EXPECT_EQ(Normalize(json, texts[i]), expected.AsString().value()) << Quoted(texts[i]);
      } else {
        auto tokens = component.GetArray("in").value().begin();
        for (size_t skip = 0; skip < i; ++skip) {
          ++tokens;
        }
        EXPECT_EQ(DecodeTokens(json, Strings(*tokens)), expected.AsString().value())
            << ::testing::PrintToString(Strings(*tokens));
      }
      ++i;
      ++checked;
    }
  }
  return checked;
}

TEST(ComponentGoldenTest, EveryComponentAsItsNamesake) {
  const std::unique_ptr<const JsonDocument> golden = ReadGolden("components.json");
  ASSERT_NE(golden, nullptr);
  size_t checked = 0;
  const JsonArray groups = *golden->root().AsArray();
  for (const JsonValue group : groups) checked += CheckComponents(group);
  EXPECT_GT(checked, 2000U);
}

// sentencepiece's own full table, from the model that has it.
TEST(ComponentGoldenTest, PrecompiledWithTheTableOfAModel) {
  const std::unique_ptr<const JsonDocument> golden = ReadGolden("precompiled.json");
  ASSERT_NE(golden, nullptr);
  const std::string model = ReadFile(TestDataDirectory() / "sp_unigram" / "tokenizer.model",
                                     /*max_bytes=*/1 << 20)
                                .value();
  const SentencePieceProto proto = ParseSentencePieceProto(model).value();
  ASSERT_GT(proto.precompiled_charsmap.size(), 200'000U);
  std::string base64;
  absl::Base64Escape(ToAbsl(proto.precompiled_charsmap), &base64);
  const std::unique_ptr<const JsonDocument> component =
      JsonDocument::Parse(
          "precompiled", StrCat(R"({"type":"Precompiled","precompiled_charsmap":")", base64, "\"}"))
          .value();
  const std::vector<std::string> texts = Strings(golden->root().Get("texts").value());
  const std::vector<std::string> out = Strings(golden->root().Get("out").value());
  ASSERT_EQ(texts.size(), out.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(Normalize(component->root(), texts[i]), out[i]) << Quoted(texts[i]);
  }
}

}  // namespace
}  // namespace firstlight
