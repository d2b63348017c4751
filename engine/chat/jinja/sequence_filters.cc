// Filters about lists, dicts and what else has items.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/chat/jinja/attributes.h"
#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/merge_sort.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

bool Flag(const Value& value) { return !value.is_missing() && Truth(value); }

using Keyed = std::vector<std::pair<Value, Value>>;

// As CPython's list.sort starts, and for short lists ends: a run that is in order already, then
// binary insertion. It matters for which two values it finds that they cannot be compared.
void InsertionSort(Heap& heap, Keyed& keyed) {
  const auto less = [&](size_t a, size_t b) {
    heap.Spend(1);
    return Less(keyed[a].first, keyed[b].first);
  };
  size_t run = 1;
  if (less(1, 0)) {
    for (run = 2; run < keyed.size() && less(run, run - 1);) ++run;
    std::reverse(keyed.begin(), keyed.begin() + static_cast<ptrdiff_t>(run));
  } else {
    for (run = 2; run < keyed.size() && !less(run, run - 1);) ++run;
  }
  for (size_t next = run; next < keyed.size(); ++next) {
    size_t low = 0;
    size_t high = next;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (less(next, middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const auto begin = keyed.begin();
    std::rotate(begin + static_cast<ptrdiff_t>(low), begin + static_cast<ptrdiff_t>(next),
                begin + static_cast<ptrdiff_t>(next) + 1);
  }
}

// The order of sorted(): stable, also when it is reversed.
void SortByKey(Heap& heap, Keyed& keyed, bool reverse) {
  if (keyed.size() < 2) return;
  if (reverse) std::reverse(keyed.begin(), keyed.end());
  constexpr size_t kShort = 64;
  if (keyed.size() < kShort) {
    InsertionSort(heap, keyed);
  } else {
    MergeSort(keyed, [&heap](const auto& a, const auto& b) {
      heap.Spend(1);
      return Less(a.first, b.first);
    });
  }
  if (reverse) std::reverse(keyed.begin(), keyed.end());
}

Values Seconds(Keyed keyed) {
  Values values;
  values.reserve(keyed.size());
  for (auto& [key, value] : keyed) values.push_back(std::move(value));
  return values;
}

Value DoLength(Heap&, const Value& value, const Arguments& arguments) {
  Bind("len", {}, 0, arguments);
  return Value::Integer(Length(value));
}

Value DoList(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_list", {}, 0, arguments);
  return MakeList(heap, Collect(heap, value), value.from_data());
}

Value DoFirst(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_first", {}, 0, arguments);
  Value first = Iterate(heap, value)->Next();
  if (!first.is_missing()) return first;
  return MakeUndefined(heap, "No first item, sequence was empty.");
}

Value DoLast(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_last", {}, 0, arguments);
  Value last = IterateReversed(heap, value)->Next();
  if (!last.is_missing()) return last;
  return MakeUndefined(heap, "No last item, sequence was empty.");
}

Value DoReverse(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_reverse", {}, 0, arguments);
  if (value.is_string()) {
    return Slice(heap, value, Value(), Value(), Value::Integer(-1));
  }
  try {
    return IteratorValue(IterateReversed(heap, value));
  } catch (const TemplateError& error) {
    if (!error.Is("TypeError")) throw;
  }
  Values items;
  try {
    items = Collect(heap, value);
  } catch (const TemplateError& error) {
    if (!error.Is("TypeError")) throw;
    throw TemplateError("FilterArgumentError", "argument must be iterable");
  }
  std::reverse(items.begin(), items.end());
  return MakeList(heap, std::move(items));
}

Value DoDefault(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_default", {"default_value", "boolean"}, 0, arguments);
  if (value.is_undefined() || (Flag(bound[1]) && !Truth(value))) {
    return OrElse(bound[0], MakeString(heap, ""));
  }
  return value;
}

Value DoItems(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_items", {}, 0, arguments);
  // A generator, which complains when somebody asks for its first item.
  return MakeGenerator(heap, [&heap, value, iterator = Ref<IteratorObject>()]() mutable -> Value {
    if (value.is_undefined()) return {};
    if (!value.is_dict()) RaiseTypeError("Can only get item pairs from a mapping.");
    if (!iterator) {
      const Value view(Kind::kDictView, new DictViewObject(heap, DictViewKind::kItems, value));
      iterator = Iterate(heap, view);
    }
    return iterator->Next();
  });
}

Value DoDictSort(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_dictsort", {"case_sensitive", "by", "reverse"}, 0, arguments);
  const Value by = OrElse(bound[1], MakeString(heap, "key"));
  const bool by_key = by.is_string() && by.bytes() == "key";
  if (!by_key && !(by.is_string() && by.bytes() == "value")) {
    throw TemplateError("FilterArgumentError", "You can only sort by either \"key\" or \"value\"");
  }
  if (value.is_undefined()) value.undefined().Fail();
  if (!value.is_dict()) {
    throw TemplateError("AttributeError",
                        StrCat("'", TypeName(value), "' object has no attribute 'items'"));
  }
  const AttributeGetter identity(heap, Value(), Value());
  const bool lower = !Flag(bound[0]);
  Keyed keyed;
  for (const auto& [key, item] : value.dict().entries()) {
    keyed.emplace_back(identity.Get(by_key ? key : item, lower), MakeTuple(heap, {key, item}));
  }
  SortByKey(heap, keyed, Flag(bound[2]));
  return MakeList(heap, Seconds(std::move(keyed)));
}

// The getters of "a,b.c": one for each attribute.
std::vector<AttributeGetter> MultiGetters(Heap& heap, const Value& attribute) {
  std::vector<AttributeGetter> getters;
  if (!attribute.is_string()) {
    getters.emplace_back(heap, attribute, Value());
    return getters;
  }
  const std::string_view all = attribute.bytes();
  for (size_t begin = 0; begin <= all.size();) {
    const size_t end = std::min(all.find(',', begin), all.size());
    getters.emplace_back(heap, MakeString(heap, all.substr(begin, end - begin)), Value());
    begin = end + 1;
  }
  return getters;
}

Value DoSort(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_sort", {"reverse", "case_sensitive", "attribute"}, 0, arguments);
  const bool lower = !Flag(bound[1]);
  const std::vector<AttributeGetter> getters = MultiGetters(heap, bound[2]);
  Keyed keyed;
  for (Value& item : Collect(heap, value)) {
    Values key;
    key.reserve(getters.size());
    for (const AttributeGetter& getter : getters) key.push_back(getter.Get(item, lower));
    keyed.emplace_back(MakeList(heap, std::move(key)), std::move(item));
  }
  SortByKey(heap, keyed, Flag(bound[0]));
  return MakeList(heap, Seconds(std::move(keyed)), value.from_data());
}

Value DoUnique(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_unique", {"case_sensitive", "attribute"}, 0, arguments);
  struct State {
    AttributeGetter getter;
    bool lower;
    Value value;
    Ref<IteratorObject> iterator;
    absl::flat_hash_set<Value, KeyHash, KeyEqual> seen;
  };
  auto state = std::make_shared<State>(State{
      AttributeGetter(heap, bound[1], Value()), !Flag(bound[0]), value, Ref<IteratorObject>(), {}});
  return MakeGenerator(heap, [&heap, state]() -> Value {
    if (!state->iterator) state->iterator = Iterate(heap, state->value);
    while (true) {
      Value item = state->iterator->Next();
      if (item.is_missing()) return item;
      heap.Spend(1);
      const Value key = state->getter.Get(item, state->lower);
      CheckHashable(key);
      if (state->seen.insert(key).second) return item;
    }
  });
}

Value Extreme(Heap& heap, const Value& value, const Arguments& arguments, bool largest) {
  const Values bound =
      Bind(largest ? "do_max" : "do_min", {"case_sensitive", "attribute"}, 0, arguments);
  const AttributeGetter getter(heap, bound[1], Value());
  const bool lower = !Flag(bound[0]);
  const Ref<IteratorObject> iterator = Iterate(heap, value);
  Value best = iterator->Next();
  if (best.is_missing()) return MakeUndefined(heap, "No aggregated item, sequence was empty.");
  Value best_key = getter.Get(best, lower);
  for (Value item = iterator->Next(); !item.is_missing(); item = iterator->Next()) {
    heap.Spend(1);
    Value key = getter.Get(item, lower);
    if (largest ? Compare(Comparison::kGreater, key, best_key) : Less(key, best_key)) {
      best = std::move(item);
      best_key = std::move(key);
    }
  }
  return best;
}

Value DoMin(Heap& heap, const Value& value, const Arguments& arguments) {
  return Extreme(heap, value, arguments, /*largest=*/false);
}
Value DoMax(Heap& heap, const Value& value, const Arguments& arguments) {
  return Extreme(heap, value, arguments, /*largest=*/true);
}

Value DoSum(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_sum", {"attribute", "start"}, 0, arguments);
  const bool by_attribute = !bound[0].is_missing() && !bound[0].is_none();
  const AttributeGetter getter(heap, bound[0], Value());
  const Ref<IteratorObject> iterator = Iterate(heap, value);
  Value sum = OrElse(bound[1], Value::Integer(0));
  if (sum.is_string()) RaiseTypeError("sum() can't sum strings [use ''.join(seq) instead]");
  for (Value item = iterator->Next(); !item.is_missing(); item = iterator->Next()) {
    heap.Spend(1);
    sum = Apply(heap, BinaryOperator::kAdd, sum,
                by_attribute ? getter.Get(item, /*lower=*/false) : item);
  }
  return sum;
}

Value DoGroupBy(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_groupby", {"attribute", "default", "case_sensitive"}, 1, arguments);
  const AttributeGetter getter(heap, bound[0], bound[1].is_none() ? Value() : bound[1]);
  const bool lower = !Flag(bound[2]);
  Keyed keyed;
  for (Value& item : Collect(heap, value)) {
    Value key = getter.Get(item, lower);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  SortByKey(heap, keyed, /*reverse=*/false);
  Values groups;
  for (size_t begin = 0; begin < keyed.size();) {
    size_t end = begin + 1;
    while (end < keyed.size() && Equals(keyed[begin].first, keyed[end].first)) ++end;
    Values members;
    for (size_t i = begin; i < end; ++i) members.push_back(keyed[i].second);
    const Value name = lower ? getter.Get(members[0], /*lower=*/false) : keyed[begin].first;
    Values pair = {name, MakeList(heap, std::move(members))};
    groups.emplace_back(Kind::kTuple, new SequenceObject(heap, std::move(pair), /*is_group=*/true));
    begin = end;
  }
  return MakeList(heap, std::move(groups));
}

Value DoSlice(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_slice", {"slices", "fill_with"}, 1, arguments);
  const Values items = Collect(heap, value);
  const int64_t slices = RequireInteger(bound[0]);
  if (slices == 0) {
    throw TemplateError("ZeroDivisionError", "integer division or modulo by zero");
  }
  const bool fill = !bound[1].is_missing() && !bound[1].is_none();
  Values result;
  if (slices > 0) {
    heap.CheckRoom(static_cast<size_t>(slices), sizeof(SequenceObject));
    heap.Spend(slices);
    const auto count = static_cast<int64_t>(items.size());
    const int64_t each = count / slices;
    const int64_t with_extra = count % slices;
    auto next = items.begin();
    for (int64_t i = 0; i < slices; ++i) {
      const auto last = next + (i < with_extra ? each + 1 : each);
      Values part(next, last);
      next = last;
      if (fill && i >= with_extra) part.push_back(bound[1]);
      result.push_back(MakeList(heap, std::move(part)));
    }
  }
  return IteratorValue(Iterate(heap, MakeList(heap, std::move(result))));
}

Value DoBatch(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_batch", {"linecount", "fill_with"}, 1, arguments);
  const Value& count = bound[0];
  const bool fill = !bound[1].is_missing() && !bound[1].is_none();
  Values result;
  Values part;
  for (Value& item : Collect(heap, value)) {
    if (Equals(Value::Integer(static_cast<int64_t>(part.size())), count)) {
      result.push_back(MakeList(heap, std::exchange(part, {})));
    }
    part.push_back(std::move(item));
  }
  if (!part.empty()) {
    if (fill && Less(Value::Integer(static_cast<int64_t>(part.size())), count)) {
      const auto wanted = static_cast<size_t>(RequireInteger(count));
      heap.CheckRoom(wanted, sizeof(Value));
      heap.Spend(static_cast<int64_t>(wanted));
      part.resize(wanted, bound[1]);
    }
    result.push_back(MakeList(heap, std::move(part)));
  }
  return IteratorValue(Iterate(heap, MakeList(heap, std::move(result))));
}

Value DoAttr(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_attr", {"name"}, 1, arguments);
  if (!bound[0].is_string()) RaiseTypeError("attribute name must be string");
  Value found = FindAttribute(heap, value, bound[0].bytes());
  if (!found.is_missing()) return found;
  return Value(Kind::kUndefined, new UndefinedObject(heap, DescribeType(value), bound[0]));
}

constexpr Filter kFilters[] = {
    {"length", DoLength}, {"count", DoLength},      {"list", DoList},
    {"first", DoFirst},   {"last", DoLast},         {"reverse", DoReverse},
    {"d", DoDefault},     {"default", DoDefault},   {"items", DoItems},
    {"sort", DoSort},     {"dictsort", DoDictSort}, {"unique", DoUnique},
    {"min", DoMin},       {"max", DoMax},           {"sum", DoSum},
    {"slice", DoSlice},   {"groupby", DoGroupBy},   {"batch", DoBatch},
    {"attr", DoAttr},
};

}  // namespace

std::span<const Filter> SequenceFilters() { return kFilters; }

}  // namespace firstlight::jinja
