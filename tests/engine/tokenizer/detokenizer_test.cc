#include "engine/tokenizer/detokenizer.h"

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/tokenizer/decoders/decode_stage.h"
#include "engine/tokenizer/text/utf8.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

class DetokenizerTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
        OpenTokenizer(TestDataDirectory() / GetParam());
    ASSERT_THAT(tokenizer, IsOk());
    tokenizer_ = *std::move(tokenizer);
  }

  // Real texts, and ids at random, which are full of broken characters.
  std::vector<std::vector<int32_t>> Sequences() const {
    std::vector<std::vector<int32_t>> sequences;
    for (const std::string& text : RandomTexts(/*seed=*/3, /*count=*/200)) {
      sequences.push_back(EncodePlain(*tokenizer_, text));
    }
    std::mt19937 random(4);
    for (int i = 0; i < 200; ++i) {
      std::vector<int32_t> ids(1 + random() % 24);
      for (int32_t& id : ids) {
        id = static_cast<int32_t>(random() % (tokenizer_->vocab_size() + 3));
      }
      sequences.push_back(ids);
    }
    return sequences;
  }

  std::unique_ptr<const Tokenizer> tokenizer_;
};

TEST_P(DetokenizerTest, StreamsExactlyTheWholeText) {
  for (const std::vector<int32_t>& ids : Sequences()) {
    SCOPED_TRACE(::testing::PrintToString(ids));
    const std::unique_ptr<Detokenizer> detokenizer = Detokenizer::Create(*tokenizer_);
    std::string streamed;
    for (const int32_t id : ids) {
      const std::string text = detokenizer->Append(id);
      EXPECT_EQ(FindInvalidUtf8(text), std::string::npos);
      streamed += text;
    }
    streamed += detokenizer->Flush();
    EXPECT_EQ(streamed, Decode(*tokenizer_, ids));
  }
}

// What has been streamed is never taken back: it is how the decoding of every longer sequence
// begins.
TEST_P(DetokenizerTest, StreamsOnlyWhatIsCertain) {
  for (const std::vector<int32_t>& ids : Sequences()) {
    const std::unique_ptr<Detokenizer> detokenizer = Detokenizer::Create(*tokenizer_);
    std::vector<std::string> beginnings;
    for (size_t end = 0; end <= ids.size(); ++end) {
      beginnings.push_back(Decode(*tokenizer_, absl::MakeConstSpan(ids).first(end)));
    }
    std::string streamed;
    for (size_t i = 0; i < ids.size(); ++i) {
      streamed += detokenizer->Append(ids[i]);
      for (size_t end = i + 1; end <= ids.size(); ++end) {
        const std::string& longer = beginnings[end];
        ASSERT_TRUE(longer.starts_with(streamed))
            << ::testing::PrintToString(ids) << " at " << i << ": " << Quoted(streamed)
            << " is no start of " << Quoted(longer);
      }
    }
  }
}

// At every split of a real text into prompt and continuation, the two texts make the whole.
TEST_P(DetokenizerTest, ContinuesAPrompt) {
  for (const std::string& text : RandomTexts(/*seed=*/5, /*count=*/100)) {
    const std::vector<int32_t> ids = EncodePlain(*tokenizer_, text);
    const std::string whole = Decode(*tokenizer_, ids);
    for (size_t split = 1; split < ids.size(); ++split) {
      const absl::Span<const int32_t> context = absl::MakeConstSpan(ids).first(split);
      const std::string before = Decode(*tokenizer_, context);
      if (before.find(kReplacementUtf8) != std::string::npos || !whole.starts_with(before)) {
        continue;  // The prompt ends within a character.
      }
      const std::unique_ptr<Detokenizer> detokenizer = Detokenizer::Create(*tokenizer_, context);
      std::string continued;
      for (size_t i = split; i < ids.size(); ++i) {
        continued += detokenizer->Append(ids[i]);
      }
      continued += detokenizer->Flush();
      ASSERT_EQ(before + continued, whole) << Quoted(text) << " split at " << split;
    }
  }
}

// Passes everything on and counts the tokens looked at.
class CountingTokenizer : public Tokenizer {
 public:
  explicit CountingTokenizer(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text,
                                              const EncodeOptions& options) const override {
    return tokenizer_.Encode(text, options);
  }
  int32_t vocab_size() const override { return tokenizer_.vocab_size(); }
  bool HasToken(int32_t id) const override { return tokenizer_.HasToken(id); }
  std::string_view IdToToken(int32_t id) const override {
    ++looked_at;
    return tokenizer_.IdToToken(id);
  }
  std::optional<int32_t> TokenToId(std::string_view token) const override {
    return tokenizer_.TokenToId(token);
  }
  std::string TokenBytes(int32_t id) const override {
    ++looked_at;
    return tokenizer_.TokenBytes(id);
  }
  bool IsSpecial(int32_t id) const override { return tokenizer_.IsSpecial(id); }
  const std::vector<int32_t>& special_ids() const override { return tokenizer_.special_ids(); }
  std::optional<int32_t> bos_id() const override { return tokenizer_.bos_id(); }
  std::optional<int32_t> eos_id() const override { return tokenizer_.eos_id(); }
  std::unique_ptr<DecodeStage> NewDecoding() const override { return tokenizer_.NewDecoding(); }
  size_t memory_bytes() const override { return tokenizer_.memory_bytes(); }

  mutable int64_t looked_at = 0;

 private:
  const Tokenizer& tokenizer_;
};

// A long number, a letter a token: each is a character of its own, so that none before the last few
// matters.
TEST_P(DetokenizerTest, OfALongContextOnlyTheEndIsLookedAt) {
  std::vector<int32_t> letters;
  for (int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    const std::string_view token = tokenizer_->IdToToken(id);
    if (token.size() == 1 && !tokenizer_->IsSpecial(id)) {
      letters.push_back(id);
    }
  }
  ASSERT_FALSE(letters.empty());
  std::vector<int32_t> ids;
  for (size_t i = 0; i < 20000; ++i) {
    ids.push_back(letters[i % letters.size()]);
  }
  const CountingTokenizer counting(*tokenizer_);
  EXPECT_NE(Detokenizer::Create(counting, ids), nullptr);
  EXPECT_LT(counting.looked_at, 1000);
}

// A character that the vocabulary does not have, many times: one run of byte tokens, which is cut
// in front of a character wherever the prompt ends.
TEST(LongByteRunTest, OnlyTheEndIsLookedAtAndTheTextGoesOn) {
  const absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      OpenTokenizer(TestDataDirectory() / "metaspace");
  ASSERT_THAT(tokenizer, IsOk());
  std::vector<int32_t> ids;
  for (int i = 0; i < 10000; ++i) {
    for (const char* byte : {"<0xF0>", "<0x93>", "<0x82>", "<0x80>"}) {
      ids.push_back((*tokenizer)->TokenToId(byte).value_or(-1));
      ASSERT_GE(ids.back(), 0);
    }
  }
  for (const size_t cut_off : {4, 5, 6, 7}) {
    const auto context = absl::MakeConstSpan(ids).first(ids.size() - cut_off);
    const CountingTokenizer counting(**tokenizer);
    const std::unique_ptr<Detokenizer> detokenizer = Detokenizer::Create(counting, context);
    EXPECT_LT(counting.looked_at, 5000) << cut_off;
    std::string continued;
    for (size_t i = context.size(); i < ids.size(); ++i) continued += detokenizer->Append(ids[i]);
    continued += detokenizer->Flush();
    EXPECT_EQ(continued, cut_off == 4 ? "\U00013080" : "\U00013080\U00013080") << cut_off;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DetokenizerTest, ::testing::ValuesIn(kAllTokenizers),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace firstlight
