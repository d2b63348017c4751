// 10,000 strings of code points that the `tokenizers` package and this code both know, drawn here
// as tests/golden/tokenizer_texts.py draws them: what each vocabulary makes of them, and what comes
// back, by a hash of each hundred.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

constexpr size_t kStrings = 10'000;
constexpr size_t kChunk = 100;
constexpr uint64_t kSeed = 2026;

// SplitMix64 (Steele, Lea and Flood 2014).
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}
  uint64_t Below(uint64_t bound) {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return (z ^ (z >> 31)) % bound;
  }

 private:
  uint64_t state_;
};

// FNV-1a.
class Hash {
 public:
  void Add(std::string_view bytes) {
    for (const char byte : bytes) {
      value_ = (value_ ^ static_cast<uint8_t>(byte)) * 0x100000001B3;
    }
  }
  void Add(int32_t word) {
    for (int i = 0; i < 4; ++i) {
      const char byte = static_cast<char>(static_cast<uint32_t>(word) >> (8 * i));
      Add(std::string_view(&byte, 1));
    }
  }
  std::string Hex() const { return absl::StrFormat("%016x", value_); }

 private:
  uint64_t value_ = 0xCBF29CE484222325;
};

constexpr std::string_view kNul("\0", 1);

constexpr std::string_view kFragments[] = {
    " ",          " ",      "  ",     "\n",     "\t",     "\r\n",   "\u00A0",     "\u3000",
    "e",          "a",      "the",    "Anna",   "'s",     "1",      "23",         ".",
    "\u0301",     "\u0323", "\u0308", "\u200D", "\uFE0F", "\u1100", "\u1161",     "\u11A8",
    "\u3099",     "\u094D", "<s>",    "<word>", "<both>", "\u2581", "\U0001F469", "\U0001F3FD",
    "\U0001F1EB", "\u4F60", kNul,     "\x1B"};

std::vector<std::string> DrawStrings() {
  const std::unique_ptr<const JsonDocument> known =
      JsonDocument::ReadFile(TestDataDirectory() / "known_code_points.json").value();
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  uint64_t total = 0;
  const JsonArray pairs = *known->root().AsArray();
  for (const JsonValue pair : pairs) {
    const JsonArray bounds = *pair.AsArray();
    auto bound = bounds.begin();
    const auto first = static_cast<uint64_t>((*bound).AsInt64().value());
    ++bound;
    ranges.emplace_back(first, (*bound).AsInt64().value());
    total += ranges.back().second - first + 1;
  }
  Generator generator(kSeed);
  std::vector<std::string> strings;
  for (size_t i = 0; i < kStrings; ++i) {
    std::string text;
    for (uint64_t left = 1 + generator.Below(12); left > 0; --left) {
      if (generator.Below(2) == 0) {
        text += kFragments[generator.Below(std::size(kFragments))];
        continue;
      }
      uint64_t place = generator.Below(total);
      for (const auto& [first, last] : ranges) {
        if (place <= last - first) {
          AppendUtf8(static_cast<char32_t>(first + place), text);
          break;
        }
        place -= last - first + 1;
      }
    }
    strings.push_back(std::move(text));
  }
  return strings;
}

class RandomStringsTest : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    strings = std::make_unique<const std::vector<std::string>>(DrawStrings());
    golden = JsonDocument::ReadFile(TestDataDirectory() / "random_strings.json").value();
  }
  static void TearDownTestSuite() {
    strings.reset();
    golden.reset();
  }

  static std::vector<std::string> Hashes(const JsonValue& json) {
    std::vector<std::string> hashes;
    const JsonArray array = *json.AsArray();
    for (const JsonValue value : array) hashes.emplace_back(value.AsString().value());
    return hashes;
  }

  static std::unique_ptr<const std::vector<std::string>> strings;
  static std::unique_ptr<const JsonDocument> golden;
};
std::unique_ptr<const std::vector<std::string>> RandomStringsTest::strings;
std::unique_ptr<const JsonDocument> RandomStringsTest::golden;

TEST_P(RandomStringsTest, EncodeAndDecodeAsTheReference) {
  const std::unique_ptr<const Tokenizer> tokenizer =
      OpenTokenizer(TestDataDirectory() / GetParam()).value();
  const std::vector<std::string> expected_texts = Hashes(golden->root().Get("texts").value());
  const JsonValue of_this = golden->root().Get(GetParam()).value();
  const std::vector<std::string> expected_ids = Hashes(of_this.Get("ids").value());
  const std::vector<std::string> expected_decoded = Hashes(of_this.Get("decoded").value());
  ASSERT_EQ(expected_ids.size(), kStrings / kChunk);
  for (size_t chunk = 0; chunk < kStrings / kChunk; ++chunk) {
    Hash texts;
    Hash ids;
    Hash decoded;
    for (size_t i = 0; i < kChunk; ++i) {
      const std::string& text = (*strings)[chunk * kChunk + i];
      const std::string_view separator = i == 0 ? std::string_view() : kNul;
      texts.Add(separator);
      texts.Add(text);
      const std::vector<int32_t> encoded = EncodePlain(*tokenizer, text);
      for (const int32_t id : encoded) ids.Add(id);
      ids.Add(int32_t{-1});
      decoded.Add(separator);
      decoded.Add(Decode(*tokenizer, encoded, {.skip_special_tokens = false}));
    }
    ASSERT_EQ(texts.Hex(), expected_texts[chunk]) << "other strings than those of the golden";
    EXPECT_EQ(ids.Hex(), expected_ids[chunk]) << "chunk " << chunk;
    EXPECT_EQ(decoded.Hex(), expected_decoded[chunk]) << "chunk " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(All, RandomStringsTest, ::testing::ValuesIn(kJsonTokenizers),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace firstlight
