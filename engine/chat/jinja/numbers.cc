#include "engine/chat/jinja/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

std::string_view StripAsciiSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\r\v\f\x1c\x1d\x1e\x1f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// `text` without underscores, each of which must stand between two digits.
std::optional<std::string> RemoveUnderscores(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      result.push_back(text[i]);
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return result;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// The base that a prefix names, and 0 where there is none.
int PrefixBase(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  switch (text[1] | 32) {
    case 'x':
      return 16;
    case 'o':
      return 8;
    case 'b':
      return 2;
    default:
      return 0;
  }
}

}  // namespace

std::string FloatRepr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const std::to_chars_result written =
      std::to_chars(buffer, buffer + sizeof(buffer) - 1, number, std::chars_format::scientific);
  *written.ptr = '\0';
  std::string_view text(buffer, static_cast<size_t>(written.ptr - buffer));
  std::string result;
  if (text[0] == '-') {
    result.push_back('-');
    text.remove_prefix(1);
  }
  const size_t mark = text.find('e');
  std::string digits(1, text[0]);
  if (mark > 2) digits.append(text.substr(2, mark - 2));
  const int exponent = std::atoi(buffer + (text.data() - buffer) + mark + 1);
  constexpr int kFirstLargeExponent = 16;
  if (exponent < -4 || exponent >= kFirstLargeExponent) {
    result.push_back(digits[0]);
    if (digits.size() > 1) StrAppend(&result, ".", digits.substr(1));
    const int magnitude = std::abs(exponent);
    StrAppend(&result, exponent < 0 ? "e-" : "e+", magnitude < 10 ? "0" : "", magnitude);
    return result;
  }
  if (exponent < 0) {
    StrAppend(&result, "0.", std::string(static_cast<size_t>(-exponent - 1), '0'), digits);
    return result;
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    StrAppend(&result, digits, std::string(whole - digits.size(), '0'), ".0");
  } else {
    StrAppend(&result, digits.substr(0, whole), ".", digits.substr(whole));
  }
  return result;
}

std::optional<int64_t> ParseInteger(std::string_view text, int64_t base) {
  constexpr int64_t kLargestBase = 36;
  if (base != 0 && (base < 2 || base > kLargestBase)) {
    RaiseValueError("int() base must be >= 2 and <= 36, or 0");
  }
  text = StripAsciiSpace(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const int prefix = PrefixBase(text);
  if (prefix != 0 && (base == 0 || base == prefix)) {
    base = prefix;
    text.remove_prefix(2);
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
  } else if (base == 0) {
    // A leading zero is for zero alone.
    if (text.size() > 1 && text[0] == '0' &&
        text.find_first_not_of("0_") != std::string_view::npos) {
      return std::nullopt;
    }
    base = 10;
  }
  if (text.empty()) return std::nullopt;
  int64_t result = 0;
  bool overflow = false;
  bool after_digit = false;
  for (const char c : text) {
    if (c == '_') {
      if (!after_digit) return std::nullopt;
      after_digit = false;
      continue;
    }
    const int digit = DigitOf(c);
    if (digit >= base) return std::nullopt;
    after_digit = true;
    overflow = overflow || __builtin_mul_overflow(result, base, &result) ||
               __builtin_sub_overflow(result, digit, &result);
  }
  if (!after_digit) return std::nullopt;
  // Counted downwards, where there is room for one more.
  if (!negative) overflow = overflow || __builtin_sub_overflow(int64_t{0}, result, &result);
  if (overflow)
    throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
  return result;
}

std::optional<double> ParseFloat(std::string_view text) {
  const std::optional<std::string> plain = RemoveUnderscores(StripAsciiSpace(text));
  if (!plain.has_value() || plain->empty()) return std::nullopt;
  std::string_view digits = *plain;
  bool negative = false;
  if (digits[0] == '-' || digits[0] == '+') {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  std::string lower(digits);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
  double result = 0;
  if (lower == "inf" || lower == "infinity") {
    result = HUGE_VAL;
  } else if (lower == "nan") {
    result = std::nan("");
  } else {
    if (lower.empty() || lower.find_first_not_of("0123456789.e+-") != std::string::npos ||
        lower[0] == '+' || lower[0] == '-') {
      return std::nullopt;
    }
    char* end = nullptr;
    result = std::strtod(lower.c_str(), &end);
    if (end != lower.c_str() + lower.size()) return std::nullopt;
  }
  return negative ? -result : result;
}

int64_t TruncateToInteger(double number) {
  if (std::isnan(number)) RaiseValueError("cannot convert float NaN to integer");
  if (std::isinf(number)) {
    throw TemplateError("OverflowError", "cannot convert float infinity to integer");
  }
  const double truncated = std::trunc(number);
  constexpr double kLimit = 9223372036854775808.0;
  if (truncated < -kLimit || truncated >= kLimit) {
    throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
  }
  return static_cast<int64_t>(truncated);
}

double RoundFloat(double number, int64_t digits) {
  if (!std::isfinite(number)) return number;
  // Beyond these, as in CPython, no digit is left to round or none to round to.
  constexpr int64_t kMostDigits = 323;
  constexpr int64_t kFewestDigits = -309;
  if (digits > kMostDigits) return number;
  if (digits < kFewestDigits) return std::copysign(0.0, number);
  if (digits >= 0) {
    // printf rounds the exact value half to even, which is what CPython asks of its dtoa.
    return std::strtod(PrintFloat(number, static_cast<int>(digits), 'f', false).c_str(), nullptr);
  }
  // To a multiple of a power of ten: the digits that stay, of the exact decimal value.
  const std::string exact = PrintFloat(std::abs(number), 0, 'f', false);
  const auto dropped = static_cast<size_t>(-digits);
  if (exact.size() < dropped) return std::copysign(0.0, number);
  const std::string kept = exact.substr(0, exact.size() - dropped);
  const std::string rest = exact.substr(exact.size() - dropped);
  const std::string half = "5" + std::string(dropped - 1, '0');
  const bool exact_half = rest == half && std::trunc(number) == number;
  const bool odd = !kept.empty() && (kept.back() - '0') % 2 == 1;
  const bool up = exact_half ? odd : rest >= half;
  double result = std::strtod((StrCat(kept.empty() ? "0" : kept, "e", dropped)).c_str(), nullptr);
  if (up) result += std::pow(10.0, static_cast<double>(dropped));
  return std::copysign(result, number);
}

int64_t RoundInteger(int64_t number, int64_t digits) {
  if (digits >= 0) return number;
  constexpr int64_t kMostDigits = 18;
  if (digits < -kMostDigits) return 0;
  int64_t unit = 1;
  for (int64_t i = 0; i < -digits; ++i) unit *= 10;
  const int64_t remainder = number % unit;
  int64_t quotient = number / unit;
  const int64_t distance = remainder < 0 ? -remainder : remainder;
  if (distance > unit - distance || (distance == unit - distance && quotient % 2 != 0)) {
    quotient += number < 0 ? -1 : 1;
  }
  int64_t result = 0;
  if (__builtin_mul_overflow(quotient, unit, &result)) {
    throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
  }
  return result;
}

std::string PrintFloat(double number, int precision, char type, bool alternate) {
  const char format[] = {'%', alternate ? '#' : '0', '.', '*', type, '\0'};
  const int size = std::snprintf(nullptr, 0, format, precision, number);
  std::string result(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(result.data(), result.size(), format, precision, number);
  result.pop_back();
  return result;
}

}  // namespace firstlight::jinja
