#include "loader/base/strings.h"

#include "absl/strings/escaping.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

bool IsUtf8(absl::string_view text) {
  for (size_t offset = 0; offset < text.size();) {
    const size_t length = Utf8CharacterLength(text, offset);
    if (length == 0) return false;
    offset += length;
  }
  return true;
}

}  // namespace

std::string_view FirstCharacters(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  constexpr size_t kLongestCharacter = 4;
  size_t end = max_bytes;
  while (end > 0 && max_bytes - end < kLongestCharacter - 1 &&
         (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

std::string Quoted(std::string_view text, size_t max_bytes) {
  const absl::string_view shown = ToAbsl(FirstCharacters(text, max_bytes));
  return absl::StrCat("\"",
                      IsUtf8(shown) ? absl::Utf8SafeCHexEscape(shown) : absl::CHexEscape(shown),
                      shown.size() < text.size() ? "...\"" : "\"");
}

}  // namespace firstlight
