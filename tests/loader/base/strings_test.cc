#include "loader/base/strings.h"

#include <iterator>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(QuotedTest, ShowsTextAsItIs) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a b\u00E9\u4F60"), "\"a b\u00E9\u4F60\"");
}

TEST(QuotedTest, EscapesControlsQuotesAndBackslashes) {
  EXPECT_EQ(Quoted("a\n\"\\\x01"), R"("a\n\"\\\x01")");
}

TEST(QuotedTest, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(Quoted("a\xFF"), R"("a\xff")");
  // A character's first byte alone; the characters beside it are shown by their bytes too.
  EXPECT_EQ(Quoted("\u00E9\xE4"), R"("\xc3\xa9\xe4")");
}

TEST(QuotedTest, CutsBetweenCharacters) {
  EXPECT_EQ(Quoted("abcd", 4), "\"abcd\"");
  EXPECT_EQ(Quoted("abcde", 4), "\"abcd...\"");
  EXPECT_EQ(Quoted("abc\u00E9", 4), "\"abc...\"");
  EXPECT_EQ(Quoted("a\u4F60b", 3), "\"a...\"");
  EXPECT_EQ(Quoted("\U0001F469\U0001F469", 7), "\"\U0001F469...\"");
}

TEST(FirstCharactersTest, KeepsAtMostAsManyBytes) {
  const std::string text = "a\u00E9\u4F60\U0001F469";
  const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t bytes = 0; bytes < std::size(whole); ++bytes) {
    EXPECT_EQ(FirstCharacters(text, bytes), std::string_view(text).substr(0, whole[bytes]))
        << bytes;
  }
  // What is no UTF-8 is cut somewhere near.
  EXPECT_EQ(FirstCharacters(std::string(9, '\x80'), 5).size(), 2U);
}

}  // namespace
}  // namespace firstlight
