#include "engine/stop_matcher.h"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

struct Outcome {
  std::string text;
  std::optional<std::string> stop_sequence;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// What the contract says, by looking at every prefix of the whole text.
Outcome Expected(const std::vector<std::string>& sequences, std::string_view text, bool include) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string_view prefix = text.substr(0, end);
    const std::string* longest = nullptr;
    for (const std::string& sequence : sequences) {
      if (prefix.ends_with(sequence) && (longest == nullptr || sequence.size() > longest->size())) {
        longest = &sequence;
      }
    }
    if (longest != nullptr) {
      return {std::string(prefix.substr(0, include ? end : end - longest->size())), *longest};
    }
  }
  return {std::string(text), std::nullopt};
}

Outcome Feed(const std::vector<std::string>& sequences, const std::vector<std::string>& pieces,
             bool include, std::vector<std::string>* shown = nullptr) {
  StopMatcher matcher(sequences, include);
  Outcome outcome;
  for (const std::string& piece : pieces) {
    StopMatcher::Released released = matcher.Append(piece, /*armed=*/true);
    outcome.text += released.text;
    if (shown != nullptr) {
      shown->push_back(outcome.text);
    }
    if (released.stop_sequence.has_value()) {
      outcome.stop_sequence = released.stop_sequence;
      return outcome;
    }
  }
  outcome.text += matcher.Flush();
  return outcome;
}

TEST(StopMatcherTest, NothingToMatchHoldsNothing) {
  StopMatcher matcher({}, false);
  EXPECT_EQ(matcher.Append("text", true).text, "text");
  EXPECT_EQ(matcher.held_bytes(), 0);
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcherTest, MatchesAcrossPieces) {
  std::vector<std::string> shown;
  const Outcome outcome = Feed({"\n\nUser:"}, {"Hi", ".\n", "\nUs", "er", ": more"}, false, &shown);
  EXPECT_EQ(outcome, (Outcome{"Hi.", "\n\nUser:"}));
  EXPECT_EQ(shown, (std::vector<std::string>{"Hi", "Hi.", "Hi.", "Hi.", "Hi."}));
  EXPECT_EQ(Feed({"\n\nUser:"}, {"Hi", ".\n", "\nUs", "er", ": more"}, true),
            (Outcome{"Hi.\n\nUser:", "\n\nUser:"}));
}

TEST(StopMatcherTest, ReleasesWhatTurnsOutNotToMatch) {
  std::vector<std::string> shown;
  EXPECT_EQ(Feed({"abcd"}, {"ab", "c", "x"}, false, &shown), (Outcome{"abcx", std::nullopt}));
  EXPECT_EQ(shown, (std::vector<std::string>{"", "", "abcx"}));
}

TEST(StopMatcherTest, FlushGivesTheHeldPart) {
  EXPECT_EQ(Feed({"stop"}, {"the sto"}, false), (Outcome{"the sto", std::nullopt}));
}

TEST(StopMatcherTest, TheFirstToCompleteWins) {
  EXPECT_EQ(Feed({"abcd", "bc"}, {"xab", "cd"}, false), (Outcome{"xa", "bc"}));
  EXPECT_EQ(Feed({"c", "abc"}, {"abc"}, false), (Outcome{"", "abc"}));
}

TEST(StopMatcherTest, PassesOverWhatCompletesUnarmed) {
  StopMatcher matcher({"aa"}, false);
  EXPECT_EQ(matcher.Append("xaa", false).text, "xa");  // the last a may begin another
  const StopMatcher::Released released = matcher.Append("a", true);
  EXPECT_EQ(released.text, "");
  EXPECT_EQ(released.stop_sequence, "aa");
}

// Overlapping sequences over two letters, cut into pieces at random: the outcome does not depend on
// the pieces, and nothing of a completed sequence was ever shown.
TEST(StopMatcherTest, EqualsTheDefinitionForEveryCut) {
  std::mt19937 random(7);
  const auto letters = [&random](int longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& letter : text) {
      letter = random() % 3 == 0 ? 'b' : 'a';
    }
    return text;
  };
  int matches = 0;
  for (int repeat = 0; repeat < 3000; ++repeat) {
    std::vector<std::string> sequences(1 + random() % 4);
    std::generate(sequences.begin(), sequences.end(), [&] { return letters(6); });
    const std::string text = letters(24);
    std::vector<std::string> pieces;
    for (size_t begin = 0; begin < text.size();) {
      const size_t size = random() % 4;
      pieces.push_back(text.substr(begin, size));
      begin += pieces.back().size();
    }
    for (const bool include : {false, true}) {
      const Outcome expected = Expected(sequences, text, include);
      std::vector<std::string> shown;
      ASSERT_EQ(Feed(sequences, pieces, include, &shown), expected) << text;
      for (const std::string& so_far : shown) {
        ASSERT_TRUE(expected.text.starts_with(so_far)) << text << ": showed " << so_far;
      }
      matches += expected.stop_sequence.has_value() ? 1 : 0;
    }
  }
  EXPECT_GT(matches, 1000);
}

// A text that falls back at every byte costs what any other does: this ends.
TEST(StopMatcherTest, LongSequencesOfOneLetter) {
  std::vector<std::string> sequences(16, std::string(1024, 'a'));
  for (std::string& sequence : sequences) {
    sequence.back() = 'b';
  }
  StopMatcher matcher(sequences, false);
  const std::string piece(1 << 16, 'a');
  size_t shown = 0;
  for (int i = 0; i < 16; ++i) {
    shown += matcher.Append(piece, true).text.size();
    EXPECT_LE(matcher.held_bytes(), 1023);
  }
  EXPECT_EQ(shown, 16 * piece.size() - 1023);
}

}  // namespace
}  // namespace firstlight
