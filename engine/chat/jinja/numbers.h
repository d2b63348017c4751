#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_NUMBERS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_NUMBERS_H_

// Numbers as Python reads and writes them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firstlight::jinja {

// repr(float): the shortest digits that read back as `number`.
std::string FloatRepr(double number);

// int(text, base): white space around it, underscores between digits, a prefix where the base
// allows it. Nothing where Python raises ValueError; beyond 64 bits an error that says so.
std::optional<int64_t> ParseInteger(std::string_view text, int64_t base);

// float(text).
std::optional<double> ParseFloat(std::string_view text);

// int(float): throws ValueError for NaN and OverflowError for infinity.
int64_t TruncateToInteger(double number);

// round(number, digits) of a float.
double RoundFloat(double number, int64_t digits);
// round(number, digits) of an int.
int64_t RoundInteger(int64_t number, int64_t digits);

// `number` in C's format `type` (one of e E f F g G) with a precision, as printf writes it.
std::string PrintFloat(double number, int precision, char type, bool alternate);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_NUMBERS_H_
