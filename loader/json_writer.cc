#include "loader/json_writer.h"

#include <cstddef>
#include <cstdint>

#include "loader/base/strings.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendEscape(char c, std::string* text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '\n':
      *text += "\\n";
      return;
    case '\r':
      *text += "\\r";
      return;
    case '\t':
      *text += "\\t";
      return;
    case '"':
    case '\\':
      *text += '\\';
      *text += c;
      return;
    default:
      *text += "\\u00";
      *text += kHex[static_cast<uint8_t>(c) >> 4];
      *text += kHex[static_cast<uint8_t>(c) & 15];
  }
}

}  // namespace

void AppendJsonString(std::string_view value, std::string* text) {
  *text += '"';
  for (size_t i = 0; i < value.size();) {
    const size_t length = Utf8CharacterLength(ToAbsl(value), i);
    if (length == 0) {
      *text += kReplacement;
      ++i;
      continue;
    }
    const auto first = static_cast<uint8_t>(value[i]);
    if (first < 0x20 || first == '"' || first == '\\' || first == 0x7F) {
      AppendEscape(value[i], text);
    } else {
      *text += value.substr(i, length);
    }
    i += length;
  }
  *text += '"';
}

std::string JsonString(std::string_view value) {
  std::string text;
  AppendJsonString(value, &text);
  return text;
}

}  // namespace firstlight
