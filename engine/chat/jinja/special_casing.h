#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_SPECIAL_CASING_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_SPECIAL_CASING_H_

#include <string_view>

namespace firstlight::jinja {

// A character whose upper or title case is more than one character, in UTF-8.
struct SpecialCasing {
  char32_t code_point = 0;
  std::string_view upper{};
  std::string_view title{};
};

// Null where the simple mapping is all there is.
const SpecialCasing* FindSpecialCasing(char32_t code_point);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_SPECIAL_CASING_H_
