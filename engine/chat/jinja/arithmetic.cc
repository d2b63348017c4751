// Python's binary and unary operators.

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/formatting.h"
#include "engine/chat/jinja/function.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/loop.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

[[noreturn]] void Overflow() {
  throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
}
[[noreturn]] void DivisionByZero(const char* message) {
  throw TemplateError("ZeroDivisionError", message);
}

std::string_view Symbol(BinaryOperator op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
  return kSymbols[static_cast<size_t>(op)];
}

[[noreturn]] void Unsupported(BinaryOperator op, const Value& a, const Value& b) {
  RaiseTypeError(StrCat("unsupported operand type(s) for ", Symbol(op), ": '", TypeName(a),
                        "' and '", TypeName(b), "'"));
}

int64_t FloorModulo(int64_t a, int64_t b) {
  if (b == -1) return 0;  // The quotient of the most negative integer would overflow.
  const int64_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

double FloorModulo(double a, double b) {
  double remainder = std::fmod(a, b);
  if (remainder != 0) {
    if ((remainder < 0) != (b < 0)) remainder += b;
  } else {
    remainder = std::copysign(0.0, b);
  }
  return remainder;
}

// As CPython's float_floor_div does it.
double FloorQuotient(double a, double b) {
  const double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

// Both are exact as long doubles; where they are as doubles, the quotient is rounded once only.
double TrueQuotient(int64_t a, int64_t b) {
  constexpr int64_t kExact = int64_t{1} << 53;
  if (a >= -kExact && a <= kExact && b >= -kExact && b <= kExact) {
    return static_cast<double>(a) / static_cast<double>(b);
  }
  return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
}

Value IntegerPower(int64_t base, int64_t exponent, bool from_data) {
  if (exponent < 0) {
    if (base == 0) DivisionByZero("0.0 cannot be raised to a negative power");
    return Value::Float(std::pow(static_cast<double>(base), static_cast<double>(exponent)),
                        from_data);
  }
  int64_t result = 1;
  while (true) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) Overflow();
    exponent >>= 1;
    if (exponent == 0) return Value::Integer(result, from_data);
    if (__builtin_mul_overflow(base, base, &base)) Overflow();
  }
}

Value Integers(BinaryOperator op, int64_t a, int64_t b, bool from_data) {
  int64_t result = 0;
  switch (op) {
    case BinaryOperator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) Overflow();
      break;
    case BinaryOperator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) Overflow();
      break;
    case BinaryOperator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) Overflow();
      break;
    case BinaryOperator::kDivide:
      if (b == 0) DivisionByZero("division by zero");
      return Value::Float(TrueQuotient(a, b), from_data);
    case BinaryOperator::kFloorDivide:
      if (b == 0) DivisionByZero("integer division or modulo by zero");
      if (b == -1) {
        if (__builtin_sub_overflow(int64_t{0}, a, &result)) Overflow();
      } else {
        result = (a - FloorModulo(a, b)) / b;
      }
      break;
    case BinaryOperator::kModulo:
      if (b == 0) DivisionByZero("integer modulo by zero");
      result = FloorModulo(a, b);
      break;
    case BinaryOperator::kPower:
      return IntegerPower(a, b, from_data);
  }
  return Value::Integer(result, from_data);
}

double FloatPower(double a, double b) {
  if (a == 0 && b < 0) DivisionByZero("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && std::floor(b) != b) {
    throw TemplateError::Unimplemented("complex numbers are not implemented");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    throw TemplateError("OverflowError", "(34, 'Numerical result out of range')");
  }
  return result;
}

double Floats(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return a + b;
    case BinaryOperator::kSubtract:
      return a - b;
    case BinaryOperator::kMultiply:
      return a * b;
    case BinaryOperator::kDivide:
      if (b == 0) DivisionByZero("float division by zero");
      return a / b;
    case BinaryOperator::kFloorDivide:
      if (b == 0) DivisionByZero("float floor division by zero");
      return FloorQuotient(a, b);
    case BinaryOperator::kModulo:
      if (b == 0) DivisionByZero("float modulo");
      return FloorModulo(a, b);
    case BinaryOperator::kPower:
      return FloatPower(a, b);
  }
  return 0;
}

Value Numbers(BinaryOperator op, const Value& a, const Value& b) {
  const bool from_data = a.from_data() || b.from_data();
  if (a.is_integer() && b.is_integer()) return Integers(op, a.integer(), b.integer(), from_data);
  const auto number = [](const Value& value) {
    return value.is_float() ? value.number() : static_cast<double>(value.integer());
  };
  return Value::Float(Floats(op, number(a), number(b)), from_data);
}

// Text with text: a Markup escapes what is no Markup.
Value AddStrings(Heap& heap, const Value& a, const Value& b) {
  heap.CheckRoom(a.text().memory() + b.text().memory());
  const bool is_markup = a.string().is_markup() || b.string().is_markup();
  Text result;
  result.Reserve(a.text().size() + b.text().size());
  for (const Value* operand : {&a, &b}) {
    if (is_markup && !operand->string().is_markup()) {
      result.Append(EscapeHtml(heap, operand->text()));
    } else {
      result.Append(operand->text());
    }
  }
  return MakeString(heap, std::move(result), is_markup);
}

Value AddSequences(Heap& heap, const Value& a, const Value& b) {
  const size_t count = a.items().size() + b.items().size();
  heap.CheckRoom(count, sizeof(Value));
  Values items;
  items.reserve(count);
  items.insert(items.end(), a.items().begin(), a.items().end());
  items.insert(items.end(), b.items().begin(), b.items().end());
  if (a.is_tuple()) return MakeTuple(heap, std::move(items));
  return MakeList(heap, std::move(items), a.from_data() || b.from_data());
}

Value Repeat(Heap& heap, const Value& value, int64_t times, bool times_from_data) {
  const size_t count = times < 0 ? 0 : static_cast<size_t>(times);
  if (value.is_string()) {
    heap.CheckRoom(count, value.text().memory());
    if (value.text().empty()) return value;
    heap.Spend(static_cast<int64_t>(count / 8));
    Text result;
    result.Reserve(count * value.text().size());
    for (size_t i = 0; i < count; ++i) result.Append(value.text());
    if (times_from_data) result.MarkAllAsData();
    return MakeString(heap, std::move(result), value.string().is_markup());
  }
  const Values& items = value.items();
  heap.CheckRoom(count, items.size() * sizeof(Value));
  heap.Spend(static_cast<int64_t>(count * items.size() / 8) + 1);
  Values result;
  if (!items.empty()) {
    result.reserve(count * items.size());
    for (size_t i = 0; i < count; ++i) result.insert(result.end(), items.begin(), items.end());
  }
  if (value.is_tuple()) return MakeTuple(heap, std::move(result));
  return MakeList(heap, std::move(result), value.from_data());
}

bool IsSequence(const Value& value) {
  return value.is_string() || value.is_list() || value.is_tuple();
}

// start + count * step, where an end that no item reaches may be beyond 64 bits.
int64_t Wrap(int64_t start, int64_t count, int64_t step) {
  return static_cast<int64_t>(static_cast<uint64_t>(start) +
                              static_cast<uint64_t>(count) * static_cast<uint64_t>(step));
}

// dict | dict is no operator of the language, so a huge integer's arithmetic is all that is
// refused.
void RefuseHugeIntegers(const Value& a, const Value& b) {
  const auto is_huge = [](const Value& value) { return value.kind() == Kind::kHugeInteger; };
  if ((is_huge(a) && (is_huge(b) || b.is_number())) || (is_huge(b) && a.is_number())) Overflow();
}

}  // namespace

Value Apply(Heap& heap, BinaryOperator op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return Numbers(op, a, b);
  if (op == BinaryOperator::kModulo && a.is_string()) return FormatPercent(heap, a, b);
  if (a.is_undefined()) a.undefined().Fail();
  if (b.is_undefined()) b.undefined().Fail();
  RefuseHugeIntegers(a, b);
  if (op == BinaryOperator::kAdd) {
    if (a.is_string() && b.is_string()) return AddStrings(heap, a, b);
    if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
      return AddSequences(heap, a, b);
    }
    if (IsSequence(a)) {
      RaiseTypeError(StrCat("can only concatenate ", TypeName(a), " (not \"", TypeName(b),
                            "\") to ", TypeName(a)));
    }
  }
  if (op == BinaryOperator::kMultiply) {
    if (IsSequence(a) && b.is_integer()) return Repeat(heap, a, b.integer(), b.from_data());
    if (IsSequence(b) && a.is_integer()) return Repeat(heap, b, a.integer(), a.from_data());
    if (IsSequence(a) || IsSequence(b)) {
      RaiseTypeError(StrCat("can't multiply sequence by non-int of type '",
                            TypeName(IsSequence(a) ? b : a), "'"));
    }
  }
  Unsupported(op, a, b);
}

Value Negative(const Value& value) {
  if (value.is_float()) return Value::Float(-value.number(), value.from_data());
  if (value.is_undefined()) value.undefined().Fail();
  if (value.kind() == Kind::kHugeInteger) Overflow();
  if (!value.is_integer()) {
    RaiseTypeError(StrCat("bad operand type for unary -: '", TypeName(value), "'"));
  }
  int64_t result = 0;
  if (__builtin_sub_overflow(int64_t{0}, value.integer(), &result)) Overflow();
  return Value::Integer(result, value.from_data());
}

Value Positive(const Value& value) {
  if (value.is_float() || value.kind() == Kind::kHugeInteger) return value;
  if (value.is_undefined()) value.undefined().Fail();
  if (!value.is_integer()) {
    RaiseTypeError(StrCat("bad operand type for unary +: '", TypeName(value), "'"));
  }
  return Value::Integer(value.integer(), value.from_data());
}

int64_t Length(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return static_cast<int64_t>(value.string().length());
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().entries().size());
    case Kind::kDictView:
      return Length(value.dict_view().dict());
    case Kind::kRange:
      return value.range().length();
    case Kind::kLoop:
      return value.loop().Length();
    case Kind::kUndefined:
      return 0;
    default:
      RaiseTypeError(StrCat("object of type '", TypeName(value), "' has no len()"));
  }
}

Value Slice(Heap& heap, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  switch (value.kind()) {
    case Kind::kUndefined:
      value.undefined().Fail();
    case Kind::kString: {
      const StringObject& string = value.string();
      const SliceRange range =
          ResolveSlice(start, stop, step, static_cast<int64_t>(string.length()));
      const Text& text = string.text();
      heap.SpendBytes(text.size());
      if (range.step == 1) {
        const auto offset = [&](int64_t index) {
          const auto position = static_cast<size_t>(index);
          return string.is_ascii() ? position : OffsetOfCodePoint(text.bytes(), position);
        };
        if (range.count == 0) return MakeString(heap, Text(), string.is_markup());
        return MakeString(heap,
                          text.Substring(offset(range.start), offset(range.start + range.count)),
                          string.is_markup());
      }
      std::vector<size_t> offsets;
      heap.CheckRoom(string.length(), sizeof(size_t));
      heap.Spend(static_cast<int64_t>(string.length() / 4) + 1);
      for (size_t at = 0; at < text.size(); at = CharacterAt(text.bytes(), at).end) {
        offsets.push_back(at);
      }
      offsets.push_back(text.size());
      Text result;
      for (int64_t i = 0; i < range.count; ++i) {
        const auto index = static_cast<size_t>(range.start + i * range.step);
        result.Append(text, offsets[index], offsets[index + 1]);
      }
      return MakeString(heap, std::move(result), string.is_markup());
    }
    case Kind::kList:
    case Kind::kTuple: {
      const Values& items = value.items();
      const SliceRange range = ResolveSlice(start, stop, step, static_cast<int64_t>(items.size()));
      heap.Spend(range.count / 8 + 1);
      heap.CheckRoom(static_cast<size_t>(range.count), sizeof(Value));
      Values result;
      result.reserve(static_cast<size_t>(range.count));
      for (int64_t i = 0; i < range.count; ++i) {
        result.push_back(items[static_cast<size_t>(range.start + i * range.step)]);
      }
      if (value.is_tuple()) return MakeTuple(heap, std::move(result));
      return MakeList(heap, std::move(result), value.from_data());
    }
    case Kind::kRange: {
      const RangeObject& whole = value.range();
      const SliceRange range = ResolveSlice(start, stop, step, whole.length());
      const int64_t first = Wrap(whole.start(), range.start, whole.step());
      const int64_t stride = Wrap(0, whole.step(), range.step);
      return Value(Kind::kRange,
                   new RangeObject(heap, first, Wrap(whole.start(), range.stop, whole.step()),
                                   stride, range.count));
    }
    case Kind::kDict:
      RaiseTypeError("unhashable type: 'slice'");
    default:
      RaiseTypeError(StrCat("'", TypeName(value), "' object is not subscriptable"));
  }
}

}  // namespace firstlight::jinja
