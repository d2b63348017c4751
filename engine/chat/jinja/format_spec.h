#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMAT_SPEC_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMAT_SPEC_H_

// One value in one field: what Python's format specification language (">10.2f") and the
// conversions of % ("%-10.2f") share.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

struct FormatSpec {
  // One character of UTF-8.
  std::string fill = " ";
  // One of < > ^ =, or 0 for the type's own.
  char align = 0;
  // One of + - and space.
  char sign = '-';
  bool alternate = false;
  size_t width = 0;
  // , or _ between groups of digits, or 0.
  char grouping = 0;
  // -1 for none.
  int precision = -1;
  // The presentation type, or 0.
  char type = 0;
};

// Of str.format and format(). Throws ValueError.
FormatSpec ParseFormatSpec(std::string_view text, const Value& value);

Text FormatInteger(Heap& heap, int64_t number, const FormatSpec& spec, bool from_data);
// Types e E f F g G n % and none.
Text FormatFloat(Heap& heap, double number, const FormatSpec& spec, bool from_data);
Text FormatText(Heap& heap, const Text& text, const FormatSpec& spec);

// format(value, spec).
Text FormatValue(Heap& heap, const Value& value, std::string_view spec);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMAT_SPEC_H_
