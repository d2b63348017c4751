#include "loader/json_writer.h"

#include <string>

#include "gtest/gtest.h"
#include "loader/json.h"

namespace firstlight {
namespace {

TEST(JsonWriterTest, EscapesWhatJsonRequires) {
  EXPECT_EQ(JsonString("plain"), "\"plain\"");
  EXPECT_EQ(JsonString("a\"b\\c\n\r\t"), "\"a\\\"b\\\\c\\n\\r\\t\"");
  EXPECT_EQ(JsonString(std::string("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\\u007f\"");
  EXPECT_EQ(JsonString("café Ġ 🙂"), "\"café Ġ 🙂\"");
}

TEST(JsonWriterTest, ReplacesWhatIsNotUtf8) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(JsonString("a\xff"
                       "b"),
            "\"a" + r + "b\"");
  EXPECT_EQ(JsonString("\xc0\xaf"), "\"" + r + r + "\"");          // overlong
  EXPECT_EQ(JsonString("\xed\xa0\x80"), "\"" + r + r + r + "\"");  // a surrogate
  EXPECT_EQ(JsonString("\xf4\x90\x80\x80"), "\"" + r + r + r + r + "\"");
  EXPECT_EQ(JsonString("\xe2\x82"), "\"" + r + r + "\"");  // cut short
}

TEST(JsonWriterTest, AnyBytesMakeAStringThatParses) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second)};
      const auto document = JsonDocument::Parse("f", JsonString(bytes));
      ASSERT_TRUE(document.ok()) << first << " " << second << ": " << document.status();
      if (first < 0x80 && second < 0x80) {
        ASSERT_EQ(*(*document)->root().AsString(), bytes);
      }
    }
  }
}

}  // namespace
}  // namespace firstlight
