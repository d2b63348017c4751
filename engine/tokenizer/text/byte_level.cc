#include "engine/tokenizer/text/byte_level.h"

#include <array>

#include "engine/tokenizer/text/utf8.h"

namespace firstlight {
namespace {

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
         (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<char32_t, 256> kCharacterOfByte = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    characters[byte] = StandsForItself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return characters;
}();

constexpr char32_t kEndOfAlphabet = 0x144;

constexpr std::array<int16_t, kEndOfAlphabet> kByteOfCharacter = [] {
  std::array<int16_t, kEndOfAlphabet> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    bytes[kCharacterOfByte[byte]] = static_cast<int16_t>(byte);
  }
  return bytes;
}();

}  // namespace

char32_t ByteLevelCharacter(uint8_t byte) { return kCharacterOfByte[byte]; }

void AppendByteLevel(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    AppendUtf8(kCharacterOfByte[static_cast<uint8_t>(byte)], out);
  }
}

std::optional<std::string> FromByteLevel(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  while (!token.empty()) {
    const Utf8Character character = DecodeUtf8(token);
    if (character.code_point >= kEndOfAlphabet || kByteOfCharacter[character.code_point] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kByteOfCharacter[character.code_point]));
    token.remove_prefix(character.length);
  }
  return bytes;
}

}  // namespace firstlight
