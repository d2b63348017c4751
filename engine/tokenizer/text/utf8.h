#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UTF8_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UTF8_H_

// UTF-8, one character at a time, as table 3-7 of the Unicode standard defines what is well formed.

#include <cstddef>
#include <string>
#include <string_view>

namespace firstlight {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

// The character at the start of some bytes.
struct Utf8Character {
  char32_t code_point = kReplacementCharacter;
  // Bytes it takes. Where the bytes are not well formed, the length of the longest part that starts
  // like a character (at least 1): what one U+FFFD stands for.
  size_t length = 1;
  bool valid = false;
  // Not valid, but more bytes could make it so: `bytes` ended within a character.
  bool incomplete = false;
};

// REQUIRES: `bytes` is not empty.
Utf8Character DecodeUtf8(std::string_view bytes);

// The length of the character that starts with `lead`, in text known to be valid.
inline size_t Utf8Length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Whether a byte of valid text goes on with a character that another has begun.
inline bool ContinuesCharacter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

void AppendUtf8(char32_t code_point, std::string& out);

// The offset of the first byte that is not part of well-formed UTF-8, npos when all of it is.
size_t FindInvalidUtf8(std::string_view bytes);

// `bytes` with U+FFFD for each ill-formed part.
std::string ReplaceInvalidUtf8(std::string_view bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UTF8_H_
