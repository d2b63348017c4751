#include "loader/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(EscapeControlsTest, ATerminalOnlyShowsTheText) {
  EXPECT_EQ(EscapeControls("a\nb\tc\r\x1b[2Jd\x7f"), "a\\nb\\tc\\r\\u001b[2Jd\\u007f");
  EXPECT_EQ(EscapeControls("\xc2\x9b"
                           "31m"),
            "\\u009b31m");
  EXPECT_EQ(EscapeControls("é \"quoted\" \\ \xe2\x82\xac"), "é \"quoted\" \\ \xe2\x82\xac");
  EXPECT_EQ(EscapeControls("\xff.\xe2\x82"), "\xef\xbf\xbd.\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(AppendEscapedTest, MarksCharacters) {
  std::string text = "x";
  AppendEscaped(&text, "a\"b\\c\n", "\"\\");
  EXPECT_EQ(text, "xa\\\"b\\\\c\\n");
}

TEST(ToValidUtf8Test, CutsBetweenCharacters) {
  EXPECT_EQ(ToValidUtf8("aé", 3), "aé");
  EXPECT_EQ(ToValidUtf8("aéb", 2), "a[...]");
  EXPECT_EQ(ToValidUtf8("a\x80", 16), "a\xef\xbf\xbd");
}

TEST(Utf8CharacterLengthTest, KnowsWhatIsWellFormed) {
  for (const char* text : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5",
                           "\x80", "\xe2\x82"}) {
    EXPECT_EQ(Utf8CharacterLength(text, 0), 0) << EscapeControls(text);
  }
  EXPECT_EQ(Utf8CharacterLength("\xf0\x9f\x98\x80", 0), 4);
}

}  // namespace
}  // namespace firstlight
