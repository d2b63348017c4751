#include "engine/scheduling/text_stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer_factory.h"
#include "gmock/gmock.h"

namespace firstlight {
namespace {

constexpr char kText[] =
    "Blue is my favorite color. What is my favorite color?\nYour favorite color is blue.\n"
    "The small café sold naïve 猫 and 🙂🙂 to the dog.";

// The tokenizer of the bundled model: SentencePiece with byte fallback, so that a character outside
// its vocabulary takes several tokens.
class TextStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
        OpenTokenizer(FIRSTLIGHT_SOURCE_DIR "/models/demo");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    ids_ = *tokenizer_->Encode(kText, {.add_special_tokens = false});
  }

  struct Seen {
    std::string text;
    std::string token_text;
    std::vector<int32_t> ids;
    std::optional<std::string> stop_sequence;
  };

  // Feeds `ids_` one by one, as a sequence would.
  Seen Feed(TextStream::Options options) {
    options.tokenizer = tokenizer_.get();
    options.tokens = true;
    TextStream stream(options, {});
    Seen seen;
    const auto take = [&seen](const TextStream::Output& output) {
      seen.text += output.delta.text;
      for (const GeneratedToken& token : output.delta.tokens) {
        // The first word's own text has a space that the text of the whole has not.
        const bool is_first = seen.ids.empty() && token.text.starts_with(' ');
        seen.token_text += token.text.substr(is_first ? 1 : 0);
        seen.ids.push_back(token.id);
      }
      if (output.stop_sequence.has_value()) {
        seen.stop_sequence = output.stop_sequence;
      }
    };
    for (const int32_t id : ids_) {
      take(stream.Append({.id = id, .logprobs = {}}));
      if (seen.stop_sequence.has_value()) {
        break;
      }
    }
    take(stream.Finish());
    return seen;
  }

  std::unique_ptr<const Tokenizer> tokenizer_;
  std::vector<int32_t> ids_;
};

TEST_F(TextStreamTest, WithoutStopsItIsDecode) {
  const Seen seen = Feed({});
  EXPECT_EQ(seen.text, kText);
  EXPECT_EQ(seen.ids, ids_);
  EXPECT_EQ(seen.stop_sequence, std::nullopt);
}

TEST_F(TextStreamTest, StopsInsideATokenAndKeepsWhatStandsBefore) {
  for (const bool include : {false, true}) {
    const Seen seen =
        Feed({.stop_sequences = {"avorite color?\nYou"}, .include_stop_sequence = include});
    EXPECT_EQ(seen.stop_sequence, "avorite color?\nYou");
    EXPECT_EQ(seen.text, std::string("Blue is my favorite color. What is my f") +
                             (include ? "avorite color?\nYou" : ""));
  }
}

// Any piece of the text as stop sequence: what is shown is what stands before its first place, the
// tokens are those up to the one that completed it, each once, and their texts tell no more.
TEST_F(TextStreamTest, AnyStopSequence) {
  const std::string text = kText;
  std::mt19937 random(5);
  for (int repeat = 0; repeat < 300; ++repeat) {
    const size_t begin = random() % text.size();
    const std::string stop = text.substr(begin, 1 + random() % 30);
    const bool is_whole = (static_cast<unsigned char>(stop.front()) & 0xC0) != 0x80;
    if (!is_whole) {
      continue;  // begins inside a character
    }
    const Seen seen = Feed({.stop_sequences = {stop}});
    ASSERT_EQ(seen.stop_sequence, stop);
    EXPECT_EQ(seen.text, text.substr(0, text.find(stop)));
    EXPECT_EQ(seen.token_text.find(stop), std::string::npos);
    ASSERT_LE(seen.ids.size(), ids_.size());
    EXPECT_TRUE(std::equal(seen.ids.begin(), seen.ids.end(), ids_.begin()));
  }
}

TEST_F(TextStreamTest, AStopTokenHasNoText) {
  TextStream stream({.tokenizer = tokenizer_.get(), .tokens = true}, {});
  const int32_t id = ids_.back();
  const TextStream::Output output = stream.Append({.id = id, .logprobs = {}, .has_text = false});
  EXPECT_EQ(output.delta.text, "");
  EXPECT_EQ(stream.Finish().delta.text, "");
}

TEST_F(TextStreamTest, AnIncompleteCharacterBecomesAReplacementAtTheEnd) {
  const std::vector<int32_t> ids = *tokenizer_->Encode("a🙂");
  TextStream stream({.tokenizer = tokenizer_.get(), .tokens = true}, {});
  std::string text;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    text += stream.Append({.id = ids[i], .logprobs = {}}).delta.text;
  }
  EXPECT_EQ(text, "a");
  EXPECT_THAT(stream.Finish().delta.text, testing::StartsWith("\xEF\xBF\xBD"));
}

TEST_F(TextStreamTest, LogprobsCarryTheirTokensText) {
  TextStream stream({.tokenizer = tokenizer_.get(), .tokens = true, .logprobs = true}, {});
  const int32_t blue = ids_[1];
  const TextStream::Output output = stream.Append(
      {.id = blue, .logprobs = {.chosen = -0.5, .top = {{blue, -0.5}, {ids_[2], -2.0}}}});
  ASSERT_EQ(output.delta.tokens.size(), 1U);
  EXPECT_EQ(output.delta.tokens[0].logprob, -0.5);
  ASSERT_EQ(output.delta.tokens[0].top.size(), 2U);
  EXPECT_EQ(output.delta.tokens[0].top[1].text, tokenizer_->TokenText(ids_[2]));
}

TEST(TextStreamWithoutTokenizerTest, TokensAtOnce) {
  TextStream stream({.index = 2, .tokens = true}, {});
  const TextStream::Output output = stream.Append({.id = 7, .logprobs = {}});
  EXPECT_EQ(output.delta.index, 2);
  EXPECT_EQ(output.delta.text, "");
  ASSERT_EQ(output.delta.tokens.size(), 1U);
  EXPECT_EQ(output.delta.tokens[0].id, 7);
  EXPECT_TRUE(stream.Finish().empty());
}

// Special tokens that are part of a format are text, where others are left out.
TEST_F(TextStreamTest, ShowsTheSpecialTokensThatItIsTold) {
  const int32_t user = tokenizer_->TokenToId("<|user|>").value();
  const int32_t assistant = tokenizer_->TokenToId("<|assistant|>").value();
  ids_ = {ids_[0], user, ids_[1], assistant, ids_[2]};
  EXPECT_EQ(Feed({}).text, "Blue is my");
  const Seen seen = Feed({.shown_special_tokens = {"<|user|>", "<absent>"}});
  EXPECT_EQ(seen.text, "Blue<|user|> is my");
  EXPECT_EQ(seen.ids, ids_);
}

}  // namespace
}  // namespace firstlight
