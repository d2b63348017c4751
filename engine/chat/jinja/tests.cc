#include "engine/chat/jinja/tests.h"

#include "absl/container/flat_hash_map.h"
#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"

namespace firstlight::jinja {
namespace {

// A test of the value alone.
template <bool (*kTest)(const Value&)>
bool Plain(Heap&, const Value& value, const Arguments& arguments) {
  Bind("test", {}, 0, arguments);
  return kTest(value);
}

template <Comparison kComparison>
bool Compared(Heap&, const Value& value, const Arguments& arguments) {
  return Compare(kComparison, value, Bind("test", {"/b"}, 1, arguments)[0]);
}

// str(value).islower() and its like.
template <bool (*kTest)(std::string_view)>
bool OfText(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("test", {}, 0, arguments);
  const Value text = ToString(heap, value);
  heap.SpendBytes(text.text().size() * 32);
  return kTest(text.bytes());
}

Value Modulo(Heap& heap, const Value& value, const Value& divisor) {
  return Apply(heap, BinaryOperator::kModulo, value, divisor);
}

bool Odd(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("test_odd", {}, 0, arguments);
  return Equals(Modulo(heap, value, Value::Integer(2)), Value::Integer(1));
}
bool Even(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("test_even", {}, 0, arguments);
  return Equals(Modulo(heap, value, Value::Integer(2)), Value::Integer(0));
}
bool DivisibleBy(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("test_divisibleby", {"num"}, 1, arguments);
  return Equals(Modulo(heap, value, bound[0]), Value::Integer(0));
}

bool IsDefined(const Value& value) { return !value.is_undefined(); }
bool IsUndefined(const Value& value) { return value.is_undefined(); }
bool IsNone(const Value& value) { return value.is_none(); }
bool IsBoolean(const Value& value) { return value.is_bool(); }
bool IsFalse(const Value& value) { return value.is_bool() && !value.boolean(); }
bool IsTrue(const Value& value) { return value.is_bool() && value.boolean(); }
bool IsInteger(const Value& value) {
  return value.kind() == Kind::kInteger || value.kind() == Kind::kHugeInteger;
}
bool IsFloat(const Value& value) { return value.is_float(); }
bool IsNumber(const Value& value) {
  return value.is_number() || value.kind() == Kind::kHugeInteger;
}
bool IsString(const Value& value) { return value.is_string(); }
bool IsMapping(const Value& value) { return value.is_dict(); }
bool IsEscaped(const Value& value) { return value.is_string() && value.string().is_markup(); }
bool CanIterate(const Value& value) {
  // A template's blocks have items but no first one.
  return IsIterable(value);
}

bool IsSequence(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

bool IsCallable(const Value& value) {
  switch (value.kind()) {
    case Kind::kFunction:
    case Kind::kLoop:
    case Kind::kJoiner:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

bool SameAs(Heap&, const Value& value, const Arguments& arguments) {
  return Same(value, Bind("test_sameas", {"other"}, 1, arguments)[0]);
}
bool In(Heap&, const Value& value, const Arguments& arguments) {
  return Contains(Bind("test_in", {"seq"}, 1, arguments)[0], value);
}
bool IsFilter(Heap&, const Value& value, const Arguments& arguments) {
  Bind("test_filter", {}, 0, arguments);
  CheckHashable(value);
  return value.is_string() && FindFilter(value.bytes()) != nullptr;
}
bool IsTest(Heap&, const Value& value, const Arguments& arguments) {
  Bind("test_test", {}, 0, arguments);
  CheckHashable(value);
  return value.is_string() && FindTest(value.bytes()) != nullptr;
}

constexpr Test kTests[] = {
    {"odd", Odd},
    {"even", Even},
    {"divisibleby", DivisibleBy},
    {"defined", Plain<IsDefined>},
    {"undefined", Plain<IsUndefined>},
    {"filter", IsFilter},
    {"test", IsTest},
    {"none", Plain<IsNone>},
    {"boolean", Plain<IsBoolean>},
    {"false", Plain<IsFalse>},
    {"true", Plain<IsTrue>},
    {"integer", Plain<IsInteger>},
    {"float", Plain<IsFloat>},
    {"lower", OfText<IsLowerText>},
    {"upper", OfText<IsUpperText>},
    {"string", Plain<IsString>},
    {"mapping", Plain<IsMapping>},
    {"number", Plain<IsNumber>},
    {"sequence", Plain<IsSequence>},
    {"iterable", Plain<CanIterate>},
    {"callable", Plain<IsCallable>},
    {"sameas", SameAs},
    {"escaped", Plain<IsEscaped>},
    {"in", In},
    {"==", Compared<Comparison::kEqual>},
    {"eq", Compared<Comparison::kEqual>},
    {"equalto", Compared<Comparison::kEqual>},
    {"!=", Compared<Comparison::kNotEqual>},
    {"ne", Compared<Comparison::kNotEqual>},
    {">", Compared<Comparison::kGreater>},
    {"gt", Compared<Comparison::kGreater>},
    {"greaterthan", Compared<Comparison::kGreater>},
    {"ge", Compared<Comparison::kGreaterOrEqual>},
    {">=", Compared<Comparison::kGreaterOrEqual>},
    {"<", Compared<Comparison::kLess>},
    {"lt", Compared<Comparison::kLess>},
    {"lessthan", Compared<Comparison::kLess>},
    {"<=", Compared<Comparison::kLessOrEqual>},
    {"le", Compared<Comparison::kLessOrEqual>},
};

}  // namespace

const Test* FindTest(std::string_view name) {
  static const auto* const table = [] {
    auto* const built = new absl::flat_hash_map<std::string_view, const Test*>();
    for (const Test& test : kTests) built->emplace(test.name, &test);
    return built;
  }();
  const auto found = table->find(name);
  return found == table->end() ? nullptr : found->second;
}

}  // namespace firstlight::jinja
