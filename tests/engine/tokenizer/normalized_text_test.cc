#include "engine/tokenizer/normalizers/normalized_text.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/normalizers/character_rule.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RangesWithinTest, CutsAndShifts) {
  const std::vector<TextRange> ranges = {{2, 4}, {6, 9}, {12, 13}};
  EXPECT_THAT(RangesWithin(ranges, {3, 8}), ElementsAre(TextRange{0, 1}, TextRange{3, 5}));
  EXPECT_THAT(RangesWithin(ranges, {0, 20}), ElementsAre(ranges[0], ranges[1], ranges[2]));
  EXPECT_THAT(RangesWithin(ranges, {4, 6}), IsEmpty());
  EXPECT_THAT(RangesWithin(ranges, {13, 20}), IsEmpty());
  EXPECT_THAT(RangesWithin({}, {0, 20}), IsEmpty());
}

TEST(RewritingTest, MarksFollowTheirBytes) {
  NormalizedText text("abcdefghij", {{2, 4}, {5, 6}, {8, 10}});
  Rewriting rewriting(text);
  rewriting.Insert("__");
  rewriting.Keep(3);            // ab and the marked c
  rewriting.Replace(2, "XYZ");  // d is marked, e is not
  rewriting.Drop(1);            // the marked f
  rewriting.Keep(2);            // gh
  rewriting.Replace(1, "");     // the marked i
  EXPECT_EQ(rewriting.rest(), "j");
  rewriting.Keep(1);
  rewriting.Finish();
  EXPECT_EQ(text.text(), "__abcXYZghj");
  EXPECT_THAT(text.marked(), ElementsAre(TextRange{4, 8}, TextRange{10, 11}));
}

TEST(RewritingTest, RemovingASuffixCutsMarks) {
  NormalizedText text("abcdef", {{1, 3}, {4, 6}});
  Rewriting rewriting(text);
  rewriting.Keep(6);
  rewriting.RemoveSuffix(1);
  EXPECT_EQ(rewriting.rewritten(), "abcde");
  rewriting.RemoveSuffix(3);
  rewriting.Finish();
  EXPECT_EQ(text.text(), "ab");
  EXPECT_THAT(text.marked(), ElementsAre(TextRange{1, 2}));
}

struct Normalized {
  std::string text;
  std::vector<TextRange> marked;
};

Normalized NormalizeMarked(std::unique_ptr<const TextNormalizer> normalizer,
                           const std::string& text, std::vector<TextRange> marked) {
  const std::function<bool()> never;
  EncodeCancellation cancellation(never);
  NormalizedText normalized(text, std::move(marked));
  EXPECT_THAT(normalizer->Normalize(normalized, cancellation), IsOk());
  return {normalized.text(), normalized.marked()};
}

TEST(NormalizerMarksTest, Prepend) {
  const Normalized result = NormalizeMarked(PrependNormalizer("__"), "ab", {{1, 2}});
  EXPECT_EQ(result.text, "__ab");
  EXPECT_THAT(result.marked, ElementsAre(TextRange{3, 4}));
}

TEST(NormalizerMarksTest, Replace) {
  const Normalized result =
      NormalizeMarked(ReplaceNormalizer(TextPattern::Literal(" "), "\u2581"), "a b c", {{2, 4}});
  EXPECT_EQ(result.text, "a\u2581b\u2581c");
  EXPECT_THAT(result.marked, ElementsAre(TextRange{4, 8}));
}

TEST(NormalizerMarksTest, Strip) {
  const Normalized result =
      NormalizeMarked(StripNormalizer(true, true), "  a b  ", {{1, 3}, {4, 6}});
  EXPECT_EQ(result.text, "a b");
  EXPECT_THAT(result.marked, ElementsAre(TextRange{0, 1}, TextRange{2, 3}));
}

TEST(NormalizerMarksTest, Lowercase) {
  const Normalized result =
      NormalizeMarked(CharacterRuleNormalizer(CharacterRule::kLowercase), "A\u0130B", {{1, 3}});
  EXPECT_EQ(result.text, "ai\u0307b");
  EXPECT_THAT(result.marked, ElementsAre(TextRange{1, 4}));
}

// A mark joins what it composes with and no more: the ideograph before stands apart.
TEST(NormalizerMarksTest, UnicodeForm) {
  const std::string text = "\u4F60>e\u0301x";  // 3 bytes, 1, 1, 2, 1
  const Normalized result = NormalizeMarked(
      UnicodeFormNormalizer({.compatibility = false, .compose = true}), text, {{5, 7}});
  EXPECT_EQ(result.text, "\u4F60>\u00E9x");
  EXPECT_THAT(result.marked, ElementsAre(TextRange{4, 6}));
}

}  // namespace
}  // namespace firstlight
