#include "engine/tokenizer/text/utf8.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(Utf8Test, RoundTripsEveryCharacter) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) {
      continue;
    }
    std::string bytes;
    AppendUtf8(code_point, bytes);
    const Utf8Character character = DecodeUtf8(bytes);
    ASSERT_TRUE(character.valid) << static_cast<uint32_t>(code_point);
    ASSERT_EQ(character.code_point, code_point);
    ASSERT_EQ(character.length, bytes.size());
    ASSERT_EQ(Utf8Length(bytes[0]), bytes.size());
    for (size_t length = 1; length < bytes.size(); ++length) {
      const Utf8Character part = DecodeUtf8(std::string_view(bytes).substr(0, length));
      ASSERT_TRUE(part.incomplete) << static_cast<uint32_t>(code_point);
      ASSERT_FALSE(part.valid);
    }
  }
}

TEST(Utf8Test, FindsTheFirstInvalidByte) {
  EXPECT_EQ(FindInvalidUtf8(""), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("caf\xC3\xA9"), std::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("ab\xFF"), 2U);
  EXPECT_EQ(FindInvalidUtf8("a\xC0\x80"), 1U);         // Overlong.
  EXPECT_EQ(FindInvalidUtf8("ab\xED\xA0\x80"), 2U);    // A surrogate.
  EXPECT_EQ(FindInvalidUtf8("\xF4\x90\x80\x80"), 0U);  // Beyond U+10FFFF.
  EXPECT_EQ(FindInvalidUtf8("ab\xE4\xBD"), 2U);        // Cut off.
}

// The example of the Unicode standard, chapter 3.9, "U+FFFD Substitution of Maximal Subparts".
TEST(Utf8Test, ReplacesMaximalSubparts) {
  const std::string fffd(kReplacementUtf8);
  EXPECT_EQ(ReplaceInvalidUtf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a" + fffd + fffd + fffd + "b" + fffd + "c" + fffd + fffd + "d");
  EXPECT_EQ(ReplaceInvalidUtf8("\xE0\x80\x80"), fffd + fffd + fffd);
}

}  // namespace
}  // namespace firstlight
