#include "loader/json_writer.h"

#include <cstddef>
#include <cstdint>

namespace firstlight {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto continues = [byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscaped(char c, std::string* text) {
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
  while (!value.empty()) {
    const size_t length = SequenceLength(value);
    if (length == 0) {
      *text += kReplacement;
      value.remove_prefix(1);
      continue;
    }
    const auto first = static_cast<uint8_t>(value.front());
    if (first < 0x20 || first == '"' || first == '\\' || first == 0x7F) {
      AppendEscaped(value.front(), text);
    } else {
      *text += value.substr(0, length);
    }
    value.remove_prefix(length);
  }
  *text += '"';
}

std::string JsonString(std::string_view value) {
  std::string text;
  AppendJsonString(value, &text);
  return text;
}

}  // namespace firstlight
