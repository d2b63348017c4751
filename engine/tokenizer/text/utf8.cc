#include "engine/tokenizer/text/utf8.h"

#include <simdjson.h>

namespace firstlight {

Utf8Character DecodeUtf8(std::string_view bytes) {
  const auto byte_at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte_at(0);
  if (lead < 0x80) {
    return {.code_point = lead, .length = 1, .valid = true};
  }
  size_t length = 0;
  char32_t code_point = 0;
  // The range of the second byte; the ones after it are always 80..BF.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code_point = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code_point = lead & 0x0F;
    low = lead == 0xE0 ? 0xA0 : 0x80;
    high = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code_point = lead & 0x07;
    low = lead == 0xF0 ? 0x90 : 0x80;
    high = lead == 0xF4 ? 0x8F : 0xBF;
  } else {
    return {};
  }
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) {
      return {.length = i, .incomplete = true};
    }
    if (byte_at(i) < low || byte_at(i) > high) {
      return {.length = i};
    }
    code_point = (code_point << 6) | (byte_at(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {.code_point = code_point, .length = length, .valid = true};
}

void AppendUtf8(char32_t code_point, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

size_t FindInvalidUtf8(std::string_view bytes) {
  if (bytes.empty() || simdjson::validate_utf8(bytes.data(), bytes.size())) {
    return std::string_view::npos;
  }
  size_t position = 0;
  while (position < bytes.size()) {
    const Utf8Character character = DecodeUtf8(bytes.substr(position));
    if (!character.valid) {
      return position;
    }
    position += character.length;
  }
  return std::string_view::npos;
}

std::string ReplaceInvalidUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8Character character = DecodeUtf8(bytes);
    text += character.valid ? bytes.substr(0, character.length) : kReplacementUtf8;
    bytes.remove_prefix(character.length);
  }
  return text;
}

}  // namespace firstlight
