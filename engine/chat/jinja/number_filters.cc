// Filters about numbers and conversions to them.

#include <cmath>
#include <string>
#include <utility>

#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

bool IsPythonError(const TemplateError& error, std::initializer_list<const char*> classes) {
  for (const char* python_class : classes) {
    if (error.Is(python_class)) return true;
  }
  return false;
}

// int(value) and float(value).
Value ToInteger(const Value& value) {
  if (value.is_undefined()) value.undefined().Fail();
  if (value.kind() == Kind::kHugeInteger) return value;
  if (value.is_integer()) return Positive(value);
  if (value.is_float()) return Value::Integer(TruncateToInteger(value.number()), value.from_data());
  RaiseTypeError(
      StrCat("int() argument must be a string, a bytes-like object or a real number, not '",
             TypeName(value), "'"));
}

Value ToFloat(const Value& value) {
  if (value.is_undefined()) value.undefined().Fail();
  if (value.is_float()) return value;
  if (value.is_integer()) {
    return Value::Float(static_cast<double>(value.integer()), value.from_data());
  }
  if (value.is_string() || value.kind() == Kind::kHugeInteger) {
    value.object()->heap().SpendBytes(value.text().size() * 4);
    const std::optional<double> number = ParseFloat(value.bytes());
    if (!number.has_value()) {
      RaiseValueError(StrCat("could not convert string to float: ", Repr(value).ReleaseBytes()));
    }
    return Value::Float(*number, value.from_data());
  }
  RaiseTypeError(
      StrCat("float() argument must be a string or a real number, not '", TypeName(value), "'"));
}

// An error that is thrown and caught.
constexpr int64_t kErrorSteps = 20;

Value DoInt(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_int", {"default", "base"}, 0, arguments);
  try {
    if (!value.is_string()) return ToInteger(value);
    heap.SpendBytes(value.text().size() * 2);
    const int64_t base = bound[1].is_missing() ? 10 : RequireInteger(bound[1]);
    if (const std::optional<int64_t> number = ParseInteger(value.bytes(), base)) {
      return Value::Integer(*number, value.from_data());
    }
  } catch (const TemplateError& error) {
    if (!IsPythonError(error, {"TypeError", "ValueError"})) throw;
    heap.Spend(kErrorSteps);
  }
  try {
    return ToInteger(ToFloat(value));
  } catch (const TemplateError& error) {
    if (!IsPythonError(error, {"TypeError", "ValueError", "OverflowError"})) throw;
    heap.Spend(kErrorSteps);
  }
  return OrElse(bound[0], Value::Integer(0));
}

Value DoFloat(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_float", {"default"}, 0, arguments);
  try {
    return ToFloat(value);
  } catch (const TemplateError& error) {
    if (!IsPythonError(error, {"TypeError", "ValueError"})) throw;
    heap.Spend(kErrorSteps);
  }
  return OrElse(bound[0], Value::Float(0));
}

void RefuseHuge(const Value& value) {
  if (value.kind() == Kind::kHugeInteger) {
    throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
  }
}

Value DoAbs(Heap&, const Value& value, const Arguments& arguments) {
  Bind("abs", {}, 0, arguments);
  RefuseHuge(value);
  if (value.is_float()) return Value::Float(std::abs(value.number()), value.from_data());
  if (!value.is_integer()) {
    RaiseTypeError(StrCat("bad operand type for abs(): '", TypeName(value), "'"));
  }
  return value.integer() < 0 ? Negative(value) : Positive(value);
}

Value DoRound(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_round", {"precision", "method"}, 0, arguments);
  const std::string method = bound[1].is_missing()  ? "common"
                             : bound[1].is_string() ? bound[1].text().bytes()
                                                    : "";
  if (method != "common" && method != "ceil" && method != "floor") {
    throw TemplateError("FilterArgumentError", "method must be common, ceil or floor");
  }
  const Value precision = OrElse(bound[0], Value::Integer(0));
  RefuseHuge(value);
  if (method == "common") {
    if (!value.is_number()) {
      RaiseTypeError(StrCat("type ", TypeName(value), " doesn't define __round__ method"));
    }
    if (value.is_float()) {
      if (precision.is_none()) {
        return Value::Integer(TruncateToInteger(std::nearbyint(value.number())), value.from_data());
      }
      return Value::Float(RoundFloat(value.number(), RequireInteger(precision)), value.from_data());
    }
    const int64_t digits = precision.is_none() ? 0 : RequireInteger(precision);
    return Value::Integer(RoundInteger(value.integer(), digits), value.from_data());
  }
  // func(value * 10**precision) / 10**precision.
  const Value unit = Apply(heap, BinaryOperator::kPower, Value::Integer(10), precision);
  const Value scaled = Apply(heap, BinaryOperator::kMultiply, value, unit);
  if (!scaled.is_number()) {
    RaiseTypeError(StrCat("must be real number, not ", TypeName(scaled)));
  }
  Value rounded = scaled;
  if (scaled.is_float()) {
    const double number =
        method == "ceil" ? std::ceil(scaled.number()) : std::floor(scaled.number());
    rounded = Value::Integer(TruncateToInteger(number), value.from_data());
  }
  return Apply(heap, BinaryOperator::kDivide, rounded, unit);
}

Value DoFileSizeFormat(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_filesizeformat", {"binary"}, 0, arguments);
  const bool binary = !bound[0].is_missing() && Truth(bound[0]);
  const Value bytes_value = ToFloat(value);
  const double bytes = bytes_value.number();
  const double base = binary ? 1024 : 1000;
  constexpr std::string_view kPrefixes[] = {"K", "M", "G", "T", "P", "E", "Z", "Y"};
  std::string text;
  if (bytes == 1) {
    text = "1 Byte";
  } else if (bytes < base) {
    text = StrCat(TruncateToInteger(bytes), " Bytes");
  } else {
    double unit = base;
    for (size_t i = 0; i < std::size(kPrefixes); ++i) {
      unit *= base;
      if (bytes < unit || i + 1 == std::size(kPrefixes)) {
        const std::string_view prefix = !binary && i == 0 ? "k" : kPrefixes[i];
        text = StrCat(PrintFloat(base * bytes / unit, 1, 'f', false), " ", prefix,
                      binary ? "iB" : "B");
        break;
      }
    }
  }
  return MakeString(heap, Text(std::move(text), value.from_data()));
}

constexpr Filter kFilters[] = {
    {"int", DoInt},
    {"float", DoFloat},
    {"abs", DoAbs},
    {"round", DoRound},
    {"filesizeformat", DoFileSizeFormat},
};

}  // namespace

std::span<const Filter> NumberFilters() { return kFilters; }

}  // namespace firstlight::jinja
