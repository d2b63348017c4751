#include "engine/tokenizer/text/pattern.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/text/pattern_translation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::function<bool()> kNever;

std::vector<std::string> Matches(const TextPattern& pattern, std::string_view text) {
  EncodeCancellation cancellation(kNever);
  std::vector<TextRange> ranges;
  EXPECT_THAT(pattern.FindAll(text, cancellation, ranges), IsOk());
  std::vector<std::string> matches;
  for (const TextRange& range : ranges) {
    matches.emplace_back(text.substr(range.begin, range.end - range.begin));
  }
  return matches;
}

std::vector<std::string> Matches(std::string_view regex, std::string_view text) {
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex(regex);
  EXPECT_THAT(pattern, IsOk());
  return pattern.ok() ? Matches(**pattern, text) : std::vector<std::string>();
}

TEST(PatternTest, LiteralsMatchWithoutOverlap) {
  EXPECT_THAT(Matches(*TextPattern::Literal("aa"), "aaaaa"), ElementsAre("aa", "aa"));
  EXPECT_THAT(Matches(*TextPattern::Literal("."), "a.b"), ElementsAre("."));
}

// Where PCRE2 and Oniguruma read the same text differently.
TEST(PatternTest, ReadsOnigurumasLanguage) {
  EXPECT_THAT(Matches(R"(\s)", "a\u180Eb\u3000"), ElementsAre("\u3000"));
  EXPECT_THAT(Matches(R"([^\s]+)", "a\u180Eb\u2003c"), ElementsAre("a\u180Eb", "c"));
  EXPECT_THAT(Matches(R"([\S]+)", "a\u180Eb\u2003c"), ElementsAre("a\u180Eb", "c"));
  EXPECT_THAT(Matches(R"(\w+)", "e\u0301\u203Fa \u00B2"), ElementsAre("e\u0301\u203Fa", "\u00B2"));
  EXPECT_THAT(Matches(R"(\w)", "\u2167\u24B6\u2070"), ElementsAre("\u2167", "\u24B6"));
  EXPECT_THAT(Matches(R"(\h+)", "xBEEF g"), ElementsAre("BEEF"));
  EXPECT_THAT(Matches(R"([\u0041-\u0043])", "ABCD"), ElementsAre("A", "B", "C"));
  EXPECT_THAT(Matches("\\p{N}{1,2}+", "12345"), ElementsAre("12345"));
  EXPECT_THAT(Matches("a{,2}b", "aaab"), ElementsAre("aab"));
  EXPECT_THAT(Matches("(?m:a.)", "a\n"), ElementsAre("a\n"));
  EXPECT_THAT(Matches("^.", "ab\ncd"), ElementsAre("a", "c"));
  EXPECT_THAT(Matches("(?i:'S)", "it's"), ElementsAre("'s"));
  EXPECT_THAT(Matches("a{x}", "a{x}"), ElementsAre("a{x}"));
}

// PCRE2's classes have no classes within them, and no intersections.
TEST(PatternTest, ReadsSetsWithinClasses) {
  EXPECT_THAT(Matches("[a[bc]d]+", "abcdef"), ElementsAre("abcd"));
  EXPECT_THAT(Matches("[^a[bc]d]+", "abefd"), ElementsAre("ef"));
  EXPECT_THAT(Matches("[a[^b-z]]+", "a1bz-c"), ElementsAre("a1", "-"));
  EXPECT_THAT(Matches("[^a[^b-z]]+", "a1bz-c"), ElementsAre("bz", "c"));
  EXPECT_THAT(Matches("[a-z&&[^aeiou]]+", "strong"), ElementsAre("str", "ng"));
  EXPECT_THAT(Matches("[^a-z&&[^aeiou]]+", "strong 1"), ElementsAre("o", " 1"));
  EXPECT_THAT(Matches("[a-m&&g-z&&h-j]+", "ghijk"), ElementsAre("hij"));
  EXPECT_THAT(Matches("[[a-c&&b-d]x]{2}+", "abcxdd"), ElementsAre("bc"));
  EXPECT_THAT(Matches(R"([\W\d]+)", "a1 2b"), ElementsAre("1 2"));
  EXPECT_THAT(Matches("[]a]+", "a]b"), ElementsAre("a]"));
  // BLOOM's.
  EXPECT_THAT(Matches(" ?[^(\\s|[.,!?\u2026\u3002])]+", "a (b|c), d\u2026"),
              ElementsAre("a", "b", "c", " d"));
}

// By its name alone, PCRE2 takes a script for every one that a character is used in.
TEST(PatternTest, AScriptIsThatOfTheCharacter) {
  EXPECT_THAT(Matches(R"(\p{Han}+)", "\u4F60\u3001\u597D"), ElementsAre("\u4F60", "\u597D"));
  EXPECT_THAT(Matches(R"([\p{L}&&[^\p{han}]]+)", "a\u4F60b"), ElementsAre("a", "b"));
  EXPECT_THAT(Matches(R"(\p{^Latin})", "a\u4F60"), ElementsAre("\u4F60"));
}

TEST(PatternTest, RefusesDeepClasses) {
  EXPECT_THAT(TextPattern::Regex(std::string(8000, '[') + "a" + std::string(8000, ']')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nest")));
}

TEST(PatternTest, LooksAhead) {
  EXPECT_THAT(Matches(R"(\s+(?!\S)|\s+|\S+)", "a   b"), ElementsAre("a", "  ", " ", "b"));
}

TEST(PatternTest, RefusesWhatHasNoCounterpart) {
  for (const std::string_view pattern :
       {R"((*NO_JIT)a)", R"((?C1)a)", R"(\Qa\E)", R"((a)\1)", R"(\K)", R"((?R))", R"(\C)",
        R"((?x) a)", R"((?P<n>a))", R"(\xE9)"}) {
    EXPECT_THAT(TextPattern::Regex(pattern),
                StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("is not implemented")))
        << pattern;
  }
}

TEST(PatternTest, RefusesWhatIsMalformedOrHuge) {
  for (const std::string& pattern :
       {std::string("("), std::string("a)"), std::string("["), std::string("\\"),
        std::string(R"(\p{Nope})"), std::string(R"(\p{L)"), std::string("[b-a]"),
        std::string(300, '(') + std::string(300, ')'), std::string(20000, 'a'),
        std::string("((((a{1000}){1000}){1000}){1000})")}) {
    EXPECT_THAT(TextPattern::Regex(pattern),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("pattern")))
        << pattern.substr(0, 40);
  }
}

TEST(PatternTest, GivesUpOnEndlessBacktracking) {
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex("(a+)+[bc]");
  ASSERT_THAT(pattern, IsOk());
  EncodeCancellation cancellation(kNever);
  std::vector<TextRange> ranges;
  EXPECT_THAT((*pattern)->FindAll(std::string(100, 'a') + "d", cancellation, ranges),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("pattern")));
}

TEST(PatternTest, GroupsRepeatedOverALongTextMatchOrGiveUp) {
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex("(?:a|ab)+");
  ASSERT_THAT(pattern, IsOk());
  EncodeCancellation cancellation(kNever);
  std::vector<TextRange> ranges;
  const absl::Status status = (*pattern)->FindAll(std::string(1 << 22, 'a'), cancellation, ranges);
  EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
}

// What the match limit does not see: characters read in vain, and every position under the limit.
class EndlessPatternTest : public ::testing::TestWithParam<const char*> {
 protected:
  EndlessPatternTest() : pattern_(TextPattern::Regex(GetParam())) {}
  absl::Status FindAll(EncodeCancellation cancellation) {
    std::vector<TextRange> ranges;
    return (*pattern_)->FindAll(text_, cancellation, ranges);
  }
  const absl::StatusOr<std::unique_ptr<const TextPattern>> pattern_;
  const std::string text_ = std::string(size_t{4} << 20, 'a') + "b";  // hours, with each of them
};

TEST_P(EndlessPatternTest, EndsAtTheWorkLimit) {
  ASSERT_THAT(pattern_, IsOk());
  EXPECT_THAT(FindAll(EncodeCancellation(kNever, absl::Milliseconds(100))),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("at most 100ms"), HasSubstr("pattern"))));
}

TEST_P(EndlessPatternTest, IsCancelled) {
  ASSERT_THAT(pattern_, IsOk());
  const std::function<bool()> at_once = [] { return true; };
  EXPECT_THAT(FindAll(EncodeCancellation(at_once)),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
}

INSTANTIATE_TEST_SUITE_P(All, EndlessPatternTest,
                         ::testing::Values("a+$|a",  // every match reads to the end
                                           "a+$",    // every position does
                                           "(?:a?){16}(?:a|b){40}c",  // a million ways each
                                           "a(?=(?:a|aa){12}c)"));

TEST(PatternTest, FindsTheSamePositionByPosition) {
  // The first alternative goes beyond the quick limit at some positions, in between, or nowhere.
  const std::string_view slow = "(?:a?){12}a{12}c|bb|é+";
  const std::string head(5000, 'x');
  for (const std::string& text :
       {head + "aaaaaaaaaaaa" + head + "bb", head + "bbééaaaaaaaaaaaac" + head,
        std::string("ébb") + std::string(4094, 'a') + "éé" + std::string(12, 'a') + "cbb"}) {
    const std::vector<std::string> found = Matches(slow, text);
    const std::vector<std::string> expected = Matches("a{12,24}c|bb|é+", text);
    EXPECT_EQ(found, expected);
  }
}

TEST(WorkLimitTest, GrowsWithTheText) {
  EXPECT_EQ(WorkLimit(0), absl::Seconds(2));
  EXPECT_EQ(WorkLimit(1'000'000) - WorkLimit(0), absl::Seconds(5));
}

TEST(PatternTest, IsCancelled) {
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex("a");
  ASSERT_THAT(pattern, IsOk());
  const std::function<bool()> at_once = [] { return true; };
  EncodeCancellation cancellation(at_once);
  std::vector<TextRange> ranges;
  EXPECT_THAT((*pattern)->FindAll(std::string(1 << 20, 'a'), cancellation, ranges),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancelled")));
  EXPECT_LT(ranges.size(), size_t{1} << 20);
}

TEST(PatternTest, EmptyMatchesDoNotTouchTheMatchBefore) {
  EXPECT_THAT(Matches("x*", "axb"), ElementsAre("", "x", ""));
  EXPECT_THAT(Matches("x+", "ab"), IsEmpty());
}

}  // namespace
}  // namespace firstlight
