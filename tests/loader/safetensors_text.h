#ifndef FIRSTLIGHT_TESTS_LOADER_SAFETENSORS_TEXT_H_
#define FIRSTLIGHT_TESTS_LOADER_SAFETENSORS_TEXT_H_

// A safetensors file spelled out by a test: any header over any data, right or wrong.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace firstlight {

inline std::string SafetensorsText(std::string_view header, std::string_view data) {
  const uint64_t length = header.size();
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  text += header;
  text += data;
  return text;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_LOADER_SAFETENSORS_TEXT_H_
