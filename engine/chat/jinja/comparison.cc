// Truth, equality, order and membership.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// Exact: the 64 bits of its mantissa hold any integer and any double.
static_assert(__LDBL_MANT_DIG__ >= 64);
long double Exact(const Value& value) {
  return value.is_float() ? static_cast<long double>(value.number())
                          : static_cast<long double>(value.integer());
}

// Code points order as their UTF-8 bytes do.
bool BytesLess(std::string_view a, std::string_view b) { return a.compare(b) < 0; }

bool HugeLess(std::string_view a, std::string_view b) {
  const bool a_negative = a[0] == '-';
  const bool b_negative = b[0] == '-';
  if (a_negative != b_negative) return a_negative;
  const bool smaller = a.size() != b.size() ? a.size() < b.size() : a < b;
  return a_negative ? !smaller && a != b : smaller;
}

// Which of two numbers is less, where one is huge.
bool HugeAwareLess(const Value& a, const Value& b) {
  const bool a_huge = a.kind() == Kind::kHugeInteger;
  const bool b_huge = b.kind() == Kind::kHugeInteger;
  for (const Value* const value : {&a, &b}) {
    if (value->kind() == Kind::kHugeInteger) {
      value->object()->heap().SpendBytes(value->text().size() * 4);
    }
  }
  if (a_huge && b_huge) return HugeLess(a.bytes(), b.bytes());
  // Beyond 64 bits is beyond any other integer; a float that large is compared as one.
  const auto approximate = [](const Value& value) {
    return value.kind() == Kind::kHugeInteger
               ? static_cast<long double>(std::strtod(value.text().bytes().c_str(), nullptr))
               : Exact(value);
  };
  return approximate(a) < approximate(b);
}

bool IsNumeric(const Value& value) {
  return value.is_number() || value.kind() == Kind::kHugeInteger;
}

[[noreturn]] void Unordered(std::string_view op, const Value& a, const Value& b) {
  if (a.is_undefined()) a.undefined().Fail();
  if (b.is_undefined()) b.undefined().Fail();
  RaiseTypeError(StrCat("'", op, "' not supported between instances of '", TypeName(a), "' and '",
                        TypeName(b), "'"));
}

bool SequencesEqual(const Values& a, const Values& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Same(a[i], b[i]) && !Equals(a[i], b[i])) return false;
  }
  return true;
}

bool DictsEqual(const DictObject& a, const DictObject& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* const other = b.Find(key);
    if (other == nullptr || (!Same(value, *other) && !Equals(value, *other))) return false;
  }
  return true;
}

bool RangesEqual(const RangeObject& a, const RangeObject& b) {
  if (a.length() != b.length()) return false;
  return a.length() == 0 || (a.start() == b.start() && (a.length() == 1 || a.step() == b.step()));
}

bool RangeContains(const RangeObject& range, long double number) {
  if (std::trunc(number) != number) return false;
  const long double offset = number - static_cast<long double>(range.start());
  const auto step = static_cast<long double>(range.step());
  const long double index = offset / step;
  return index >= 0 && index < static_cast<long double>(range.length()) &&
         std::fmod(offset, step) == 0;
}

// Two views of keys, or of items, are equal as sets.
bool ViewsEqual(const Value& a, const Value& b) {
  const DictViewObject& left = a.dict_view();
  const DictViewObject& right = b.dict_view();
  if (left.which() == DictViewKind::kValues || left.which() != right.which()) return false;
  const DictObject& first = left.dict().dict();
  const DictObject& second = right.dict().dict();
  if (left.which() == DictViewKind::kItems) return DictsEqual(first, second);
  return first.entries().size() == second.entries().size() &&
         std::all_of(first.entries().begin(), first.entries().end(),
                     [&](const auto& entry) { return second.Find(entry.first) != nullptr; });
}

template <typename LessFunction, typename Elements>
bool OrderSequences(Heap& heap, const Values& a, const Values& b, LessFunction when_lengths_decide,
                    Elements when_items_decide) {
  const size_t shared = std::min(a.size(), b.size());
  for (size_t i = 0; i < shared; ++i) {
    if (i % 16 == 15) heap.Spend(1);
    if (!Same(a[i], b[i]) && !Equals(a[i], b[i])) return when_items_decide(a[i], b[i]);
  }
  return when_lengths_decide(a.size(), b.size());
}

bool Order(Comparison comparison, const Value& a, const Value& b) {
  const auto choose = [comparison](bool less, bool equal, bool greater) {
    switch (comparison) {
      case Comparison::kLess:
        return less;
      case Comparison::kLessOrEqual:
        return less || equal;
      case Comparison::kGreater:
        return greater;
      default:
        return greater || equal;
    }
  };
  if (a.is_number() && b.is_number()) {
    const long double left = Exact(a);
    const long double right = Exact(b);
    return choose(left < right, left == right, left > right);
  }
  if (IsNumeric(a) && IsNumeric(b)) {
    return choose(HugeAwareLess(a, b), Equals(a, b), HugeAwareLess(b, a));
  }
  if (a.is_string() && b.is_string()) {
    a.object()->heap().SpendBytes(std::min(a.text().size(), b.text().size()));
    return choose(BytesLess(a.bytes(), b.bytes()), a.bytes() == b.bytes(),
                  BytesLess(b.bytes(), a.bytes()));
  }
  if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
    Heap& heap = a.object()->heap();
    const Heap::Depth depth(heap);
    return OrderSequences(
        heap, a.items(), b.items(),
        [&](size_t left, size_t right) {
          return choose(left < right, left == right, left > right);
        },
        [&](const Value& left, const Value& right) { return Order(comparison, left, right); });
  }
  constexpr std::string_view kNames[] = {"==", "!=", "<", "<=", ">", ">="};
  Unordered(kNames[static_cast<size_t>(comparison)], a, b);
}

}  // namespace

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNone:
    case Kind::kUndefined:
      return false;
    case Kind::kBool:
    case Kind::kInteger:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.number() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return !value.dict().entries().empty();
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kLoop:
      return Length(value) != 0;
    default:
      return true;
  }
}

bool Same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kMissing:
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInteger:
      return a.integer() == b.integer();
    case Kind::kFloat:
      return a.number() == b.number();
    default:
      return a.object() == b.object();
  }
}

bool Equals(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return Exact(a) == Exact(b);
  if (a.kind() != b.kind()) {
    if (a.kind() == Kind::kHugeInteger && b.is_float())
      return !HugeAwareLess(a, b) && !HugeAwareLess(b, a);
    if (b.kind() == Kind::kHugeInteger && a.is_float()) return Equals(b, a);
    return false;
  }
  switch (a.kind()) {
    case Kind::kMissing:
    case Kind::kNone:
    case Kind::kUndefined:
      return true;
    case Kind::kString:
    case Kind::kHugeInteger:
      if (a.text().size() != b.text().size()) return false;
      a.object()->heap().SpendBytes(a.text().size());
      return a.bytes() == b.bytes();
    case Kind::kList:
    case Kind::kTuple: {
      if (a.object() == b.object()) return true;
      if (a.items().size() != b.items().size()) return false;
      const Heap::Depth depth(a.object()->heap());
      a.object()->heap().Spend(static_cast<int64_t>(a.items().size()));
      return SequencesEqual(a.items(), b.items());
    }
    case Kind::kDict: {
      if (a.object() == b.object()) return true;
      const Heap::Depth depth(a.object()->heap());
      a.object()->heap().Spend(static_cast<int64_t>(a.dict().entries().size()));
      return DictsEqual(a.dict(), b.dict());
    }
    case Kind::kRange:
      return RangesEqual(a.range(), b.range());
    case Kind::kDictView: {
      const Heap::Depth depth(a.object()->heap());
      return a.object() == b.object() || ViewsEqual(a, b);
    }
    default:
      return a.object() == b.object();
  }
}

bool Less(const Value& a, const Value& b) { return Order(Comparison::kLess, a, b); }

bool Contains(const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString: {
      if (!item.is_string()) {
        RaiseTypeError(
            StrCat("'in <string>' requires string as left operand, not ", TypeName(item)));
      }
      container.object()->heap().SpendBytes(container.text().size());
      return FindBytes(container.bytes(), item.bytes(), 0) != std::string_view::npos;
    }
    case Kind::kDict:
      return container.dict().Find(item) != nullptr;
    case Kind::kRange: {
      return item.is_number() && RangeContains(container.range(), Exact(item));
    }
    default: {
      if (!IsIterable(container)) {
        RaiseTypeError(StrCat("argument of type '", TypeName(container), "' is not iterable"));
      }
      Heap& heap = container.object()->heap();
      const Ref<IteratorObject> iterator = Iterate(heap, container);
      for (Value next = iterator->Next(); !next.is_missing(); next = iterator->Next()) {
        heap.Spend(1);
        if (Same(next, item) || Equals(next, item)) return true;
      }
      return false;
    }
  }
}

bool Compare(Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::kEqual:
      return Equals(a, b);
    case Comparison::kNotEqual:
      return !Equals(a, b);
    case Comparison::kIn:
      return Contains(b, a);
    case Comparison::kNotIn:
      return !Contains(b, a);
    default:
      return Order(comparison, a, b);
  }
}

}  // namespace firstlight::jinja
