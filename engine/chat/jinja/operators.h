#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_OPERATORS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_OPERATORS_H_

// Python's operators and built-in conversions on values, with Python's errors (TemplateError).
// Integers have 64 bits: a result beyond is an error that says so.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

enum class BinaryOperator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
};

enum class Comparison : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
};

// type(value).__name__: "str", "NoneType".
std::string_view TypeName(const Value& value);

// What jinja2's messages call a value: "str object", "None".
std::string_view DescribeType(const Value& value);

bool Truth(const Value& value);
bool Equals(const Value& a, const Value& b);
// `a is b`.
bool Same(const Value& a, const Value& b);
bool Compare(Comparison comparison, const Value& a, const Value& b);
// a < b, for sorting.
bool Less(const Value& a, const Value& b);
bool Contains(const Value& container, const Value& item);

Value Apply(Heap& heap, BinaryOperator op, const Value& a, const Value& b);
Value Negative(const Value& value);
Value Positive(const Value& value);

// len(value).
int64_t Length(const Value& value);

// str(value) and repr(value). Their text is data where the value is.
Text Str(const Value& value);
Text Repr(const Value& value);

// str(value) as a value: `value` itself when it is a string (also a Markup).
Value ToString(Heap& heap, const Value& value);

// `text` with HTML's special characters escaped, and str(value) escaped unless it is a Markup.
Text EscapeHtml(Heap& heap, const Text& text);
Text Escape(Heap& heap, const Value& value);

// The items of a slice of a string, list, tuple or range.
Value Slice(Heap& heap, const Value& value, const Value& start, const Value& stop,
            const Value& step);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_OPERATORS_H_
