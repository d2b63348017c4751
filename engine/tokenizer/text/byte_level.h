#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_BYTE_LEVEL_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_BYTE_LEVEL_H_

// GPT-2's alphabet of 256 printable characters, one for each byte, in which byte-level vocabularies
// spell their tokens: bytes that print as themselves in Latin-1 stand for themselves, the others
// are U+0100 and on, in order (`bytes_to_unicode` of the GPT-2 release).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firstlight {

// The character that stands for `byte`, as a code point.
char32_t ByteLevelCharacter(uint8_t byte);

// Appends `bytes` spelled in the alphabet.
void AppendByteLevel(std::string_view bytes, std::string& out);

// The bytes that `token` spells; nothing when it has a character outside the alphabet.
// REQUIRES: `token` is valid UTF-8.
std::optional<std::string> FromByteLevel(std::string_view token);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_BYTE_LEVEL_H_
