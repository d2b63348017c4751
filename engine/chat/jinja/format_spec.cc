#include "engine/chat/jinja/format_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// Far beyond what a format asks for; Python would try to build it.
constexpr size_t kMaxWidth = 1'000'000;
// Beyond the digits of any double.
constexpr int kMaxPrecision = 2000;

bool IsAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

// A number as it is put together: what stands before the digits, and the digits, of which grouping
// and zero padding reach the integer part.
struct Pieces {
  std::string sign{};
  std::string integer{};
  std::string rest{};
};

std::string Group(std::string_view digits, char separator, size_t size) {
  std::string result;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % size == 0) result.push_back(separator);
    result.push_back(digits[i]);
  }
  return result;
}

Text Pad(Heap& heap, Text text, size_t length, const FormatSpec& spec, char align) {
  if (spec.width <= length) return text;
  const size_t missing = spec.width - length;
  heap.CheckRoom(missing * spec.fill.size());
  heap.SpendBytes(missing * spec.fill.size());
  const size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  Text result;
  for (size_t i = 0; i < left; ++i) result.Append(spec.fill);
  result.Append(text);
  for (size_t i = left; i < missing; ++i) result.Append(spec.fill);
  return result;
}

Text AssembleNumber(Heap& heap, Pieces pieces, const FormatSpec& spec, size_t group_size,
                    bool from_data) {
  const char align = spec.align == 0 ? '>' : spec.align;
  std::string digits = pieces.integer;
  if (spec.grouping != 0) digits = Group(pieces.integer, spec.grouping, group_size);
  const size_t around = pieces.sign.size() + pieces.rest.size();
  if (align == '=' && spec.width > around + digits.size()) {
    heap.CheckRoom(spec.width);
    heap.SpendBytes(spec.width);
    if (spec.fill == "0" && spec.grouping != 0) {
      // Zeros are grouped like digits, and a separator never comes first.
      while (around + digits.size() < spec.width) {
        pieces.integer.insert(0, "0");
        digits = Group(pieces.integer, spec.grouping, group_size);
        heap.SpendBytes(digits.size());
      }
    } else {
      const size_t missing = spec.width - around - digits.size();
      std::string padding;
      for (size_t i = 0; i < missing; ++i) padding.append(spec.fill);
      digits.insert(0, padding);
    }
  }
  Text text(StrCat(pieces.sign, digits, pieces.rest), from_data);
  const size_t length = CountCodePoints(text.bytes());
  return Pad(heap, std::move(text), length, spec, align);
}

std::string SignOf(bool negative, const FormatSpec& spec) {
  if (negative) return "-";
  if (spec.sign == '+') return "+";
  if (spec.sign == ' ') return " ";
  return "";
}

[[noreturn]] void UnknownFormat(char code, std::string_view type) {
  RaiseValueError(
      StrCat("Unknown format code '", std::string(1, code), "' for object of type '", type, "'"));
}

}  // namespace

FormatSpec ParseFormatSpec(std::string_view text, const Value& value) {
  FormatSpec spec;
  const std::string_view whole = text;
  if (!text.empty()) {
    const size_t first = std::min(Utf8Length(text[0]), text.size());
    if (first < text.size() && IsAlign(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (IsAlign(text[0])) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
  }
  const auto take = [&](std::string_view any_of) {
    if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return '\0';
    const char taken = text[0];
    text.remove_prefix(1);
    return taken;
  };
  const auto number = [&](size_t otherwise) {
    size_t result = 0;
    bool any = false;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      result = std::min(result * 10 + static_cast<size_t>(text[0] - '0'), kMaxWidth + 1);
      any = true;
      text.remove_prefix(1);
    }
    if (result > kMaxWidth) RaiseValueError("Too many decimal digits in format string");
    return any ? result : otherwise;
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != 0;
  if (take("0") != 0) {
    if (spec.align == 0) {
      spec.fill = "0";
      spec.align = value.is_string() ? '<' : '=';
    } else if (spec.fill == " ") {
      spec.fill = "0";
    }
  }
  spec.width = number(0);
  spec.grouping = take(",_");
  if (take(".") != 0) {
    const size_t precision = number(kMaxWidth + 1);
    if (precision > kMaxWidth) RaiseValueError("Format specifier missing precision");
    spec.precision = static_cast<int>(precision);
  }
  if (text.size() > 1) {
    RaiseValueError(StrCat("Invalid format specifier '", whole, "' for object of type '",
                           TypeName(value), "'"));
  }
  if (!text.empty()) spec.type = text[0];
  return spec;
}

Text FormatInteger(Heap& heap, int64_t number, const FormatSpec& spec, bool from_data) {
  const uint64_t magnitude =
      number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
  uint64_t base = 10;
  std::string_view prefix;
  switch (spec.type) {
    case 'b':
      base = 2;
      prefix = "0b";
      break;
    case 'o':
      base = 8;
      prefix = "0o";
      break;
    case 'x':
      base = 16;
      prefix = "0x";
      break;
    case 'X':
      base = 16;
      prefix = "0X";
      break;
    default:
      break;
  }
  const std::string_view letters = spec.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  uint64_t rest = magnitude;
  do {
    digits.push_back(letters[rest % base]);
    rest /= base;
  } while (rest != 0);
  std::reverse(digits.begin(), digits.end());
  Pieces pieces{.sign = SignOf(number < 0, spec), .integer = std::move(digits)};
  if (spec.alternate) pieces.sign.append(prefix);
  return AssembleNumber(heap, std::move(pieces), spec, base == 10 ? 3 : 4, from_data);
}

Text FormatFloat(Heap& heap, double number, const FormatSpec& spec, bool from_data) {
  Pieces pieces{.sign = SignOf(std::signbit(number) && !std::isnan(number), spec)};
  const double magnitude = std::abs(number);
  if (spec.precision > kMaxPrecision) RaiseValueError("precision too big");
  if (!std::isfinite(number)) {
    pieces.rest = std::isnan(number) ? "nan" : "inf";
    if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') {
      pieces.rest = std::isnan(number) ? "NAN" : "INF";
    }
    if (spec.type == '%') pieces.rest.push_back('%');
    return AssembleNumber(heap, std::move(pieces), spec, 3, from_data);
  }
  constexpr int kDefaultPrecision = 6;
  const int precision = spec.precision < 0 ? kDefaultPrecision : spec.precision;
  std::string text;
  if (spec.type == 0 && spec.precision < 0) {
    text = FloatRepr(magnitude);
  } else if (spec.type == 0) {
    // As 'g', but with a digit after the point.
    text = PrintFloat(magnitude, precision, 'g', spec.alternate);
    if (text.find_first_of(".e") == std::string::npos) {
      const bool room = static_cast<int>(text.size()) < std::max(precision, 1);
      text = room ? text + ".0" : PrintFloat(magnitude, std::max(precision - 1, 0), 'e', false);
    }
  } else if (spec.type == '%') {
    text = PrintFloat(magnitude * 100, precision, 'f', spec.alternate) + "%";
  } else {
    text = PrintFloat(magnitude, precision, spec.type == 'n' ? 'g' : spec.type, spec.alternate);
  }
  const size_t integer_end = text.find_first_not_of("0123456789");
  pieces.integer = text.substr(0, integer_end);
  if (integer_end != std::string::npos) pieces.rest = text.substr(integer_end);
  return AssembleNumber(heap, std::move(pieces), spec, 3, from_data);
}

Text FormatText(Heap& heap, const Text& text, const FormatSpec& spec) {
  if (spec.sign != '-') RaiseValueError("Sign not allowed in string format specifier");
  if (spec.alternate) {
    RaiseValueError("Alternate form (#) not allowed in string format specifier");
  }
  if (spec.align == '=') {
    RaiseValueError("'=' alignment not allowed in string format specifier");
  }
  if (spec.grouping != 0) {
    RaiseValueError(StrCat("Cannot specify '", std::string(1, spec.grouping), "' with 's'."));
  }
  heap.SpendBytes(text.size());
  Text shown = text;
  if (spec.precision >= 0) {
    shown = text.Substring(0, OffsetOfCodePoint(text.bytes(), static_cast<size_t>(spec.precision)));
  }
  const size_t length = CountCodePoints(shown.bytes());
  return Pad(heap, std::move(shown), length, spec, spec.align == 0 ? '<' : spec.align);
}

Text FormatValue(Heap& heap, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return Str(value);
  if (value.kind() == Kind::kHugeInteger) {
    throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
  }
  if (!value.is_string() && !value.is_number()) {
    RaiseTypeError(StrCat("unsupported format string passed to ", TypeName(value), ".__format__"));
  }
  const FormatSpec spec = ParseFormatSpec(spec_text, value);
  constexpr std::string_view kFloatTypes = "eEfFgGn%";
  if (value.is_string()) {
    if (spec.type != 0 && spec.type != 's') UnknownFormat(spec.type, TypeName(value));
    return FormatText(heap, value.text(), spec);
  }
  const bool is_float_type = spec.type != 0 && kFloatTypes.find(spec.type) != kFloatTypes.npos;
  if (value.is_float()) {
    if (spec.type != 0 && !is_float_type) UnknownFormat(spec.type, "float");
    return FormatFloat(heap, value.number(), spec, value.from_data());
  }
  if (is_float_type && spec.type != 'n') {
    return FormatFloat(heap, static_cast<double>(value.integer()), spec, value.from_data());
  }
  if (spec.precision >= 0) {
    RaiseValueError("Precision not allowed in integer format specifier");
  }
  constexpr std::string_view kIntegerTypes = "bcdoxXn";
  if (spec.type != 0 && kIntegerTypes.find(spec.type) == kIntegerTypes.npos) {
    UnknownFormat(spec.type, TypeName(value));
  }
  if (spec.type == 'c') {
    throw TemplateError::Unimplemented("the format code 'c' is not implemented");
  }
  return FormatInteger(heap, value.integer(), spec, value.from_data());
}

}  // namespace firstlight::jinja
