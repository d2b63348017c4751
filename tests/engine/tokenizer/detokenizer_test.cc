#include "engine/tokenizer/detokenizer.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
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
    std::string streamed;
    for (size_t i = 0; i < ids.size(); ++i) {
      streamed += detokenizer->Append(ids[i]);
      for (size_t end = i + 1; end <= ids.size(); ++end) {
        const std::string longer = Decode(*tokenizer_, absl::MakeConstSpan(ids).first(end));
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

TEST_P(DetokenizerTest, LongContextsEndAsTheirLastTokensDo) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += "\U0001F600";  // Byte tokens, all of it.
  }
  std::vector<int32_t> ids = EncodePlain(*tokenizer_, text);
  const std::vector<int32_t> more = EncodePlain(*tokenizer_, "Anna");
  const size_t context = ids.size();
  ids.insert(ids.end(), more.begin(), more.end());
  const std::unique_ptr<Detokenizer> detokenizer =
      Detokenizer::Create(*tokenizer_, absl::MakeConstSpan(ids).first(context));
  std::string continued;
  for (const int32_t id : more) {
    continued += detokenizer->Append(id);
  }
  continued += detokenizer->Flush();
  EXPECT_TRUE(continued == "Anna" || continued == " Anna") << Quoted(continued);
}

TEST_P(DetokenizerTest, TokenTextsJoinToTheText) {
  const std::string text = "Anna likes the old lighthouse";
  std::string joined;
  for (const int32_t id : EncodePlain(*tokenizer_, text)) {
    joined += tokenizer_->TokenText(id);
  }
  // A prefix or suffix that the tokenizer puts around is part of its first or last token.
  EXPECT_NE(joined.find(text), std::string::npos) << Quoted(joined);
}

INSTANTIATE_TEST_SUITE_P(All, DetokenizerTest,
                         ::testing::Values("byte_level", "ignore_merges", "metaspace", "sp_bpe",
                                           "sp_unigram_bytes"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace firstlight
