// map, select, reject and their kind: generators over other values' items.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/tests.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

Arguments Rest(const Arguments& arguments, size_t taken) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(taken),
                         arguments.positional.end());
  rest.keywords = arguments.keywords;
  rest.names_of = arguments.names_of;
  return rest;
}

using Transform = std::function<Value(const Value&)>;

Transform PrepareMap(Heap& heap, const Arguments& arguments) {
  Value attribute;
  Value otherwise;
  std::string unexpected;
  for (const auto& [name, value] : arguments.keywords) {
    if (name == "attribute") {
      attribute = value;
    } else if (name == "default") {
      otherwise = value.is_none() ? Value() : value;
    } else if (unexpected.empty()) {
      unexpected = name;
    }
  }
  if (arguments.positional.empty() && !attribute.is_missing()) {
    if (!unexpected.empty()) {
      throw TemplateError("FilterArgumentError",
                          StrCat("Unexpected keyword argument '", unexpected, "'"));
    }
    return [getter = AttributeGetter(heap, attribute, otherwise)](const Value& item) {
      return getter.Get(item, /*lower=*/false);
    };
  }
  if (arguments.positional.empty()) {
    throw TemplateError("FilterArgumentError", "map requires a filter argument");
  }
  const Value& name = arguments.positional[0];
  CheckHashable(name);
  const Filter* const filter = name.is_string() ? FindFilter(name.bytes()) : nullptr;
  return [&heap, filter, name, rest = Rest(arguments, 1)](const Value& item) {
    if (filter == nullptr) {
      throw TemplateError("TemplateRuntimeError",
                          StrCat("No filter named ", Repr(name).ReleaseBytes(), "."));
    }
    return filter->function(heap, item, rest);
  };
}

using Predicate = std::function<bool(const Value&)>;

Predicate PrepareSelection(Heap& heap, const Arguments& arguments, bool by_attribute) {
  if (by_attribute && arguments.positional.empty()) {
    throw TemplateError("FilterArgumentError", "Missing parameter for attribute name");
  }
  const AttributeGetter getter(heap, by_attribute ? arguments.positional[0] : Value(), Value());
  const size_t taken = by_attribute ? 1 : 0;
  if (arguments.positional.size() == taken) {
    return [getter](const Value& item) { return Truth(getter.Get(item, /*lower=*/false)); };
  }
  const Value& name = arguments.positional[taken];
  CheckHashable(name);
  const Test* const test = name.is_string() ? FindTest(name.bytes()) : nullptr;
  return [&heap, getter, test, name, rest = Rest(arguments, taken + 1)](const Value& item) {
    const Value value = getter.Get(item, /*lower=*/false);
    if (test == nullptr) {
      throw TemplateError("TemplateRuntimeError",
                          StrCat("No test named ", Repr(name).ReleaseBytes(), "."));
    }
    return test->function(heap, value, rest);
  };
}

// What a generator keeps; its functions are made when it is first asked, as Python does it.
struct Source {
  Value value{};
  Arguments arguments{};
  Ref<IteratorObject> iterator{};
  bool started = false;
};

// Accounts for the arguments that a generator is about to copy, twice when it starts. Returns their
// bytes.
size_t PayForCopies(Heap& heap, const Arguments& arguments) {
  const size_t bytes =
      2 * (arguments.positional.size() * sizeof(Value) +
           arguments.keywords.size() * sizeof(decltype(arguments.keywords)::value_type));
  heap.CheckRoom(bytes);
  heap.SpendCopy(bytes);
  return bytes;
}

Value DoMap(Heap& heap, const Value& value, const Arguments& arguments) {
  struct State : Source {
    Transform transform;
  };
  const size_t copied = PayForCopies(heap, arguments);
  auto state = std::make_shared<State>();
  state->value = value;
  state->arguments = arguments;
  return MakeGenerator(
      heap,
      [&heap, state]() -> Value {
        if (!std::exchange(state->started, true) && Truth(state->value)) {
          state->transform = PrepareMap(heap, state->arguments);
          state->iterator = Iterate(heap, state->value);
        }
        if (!state->iterator) return {};
        const Value item = state->iterator->Next();
        return item.is_missing() ? item : state->transform(item);
      },
      copied);
}

template <bool kWanted, bool kByAttribute>
Value DoSelection(Heap& heap, const Value& value, const Arguments& arguments) {
  struct State : Source {
    Predicate predicate;
  };
  const size_t copied = PayForCopies(heap, arguments);
  auto state = std::make_shared<State>();
  state->value = value;
  state->arguments = arguments;
  return MakeGenerator(
      heap,
      [&heap, state]() -> Value {
        if (!std::exchange(state->started, true) && Truth(state->value)) {
          state->predicate = PrepareSelection(heap, state->arguments, kByAttribute);
          state->iterator = Iterate(heap, state->value);
        }
        while (state->iterator) {
          Value item = state->iterator->Next();
          if (item.is_missing()) return item;
          heap.Spend(1);
          if (state->predicate(item) == kWanted) return item;
        }
        return {};
      },
      copied);
}

constexpr Filter kFilters[] = {
    {"map", DoMap},
    {"select", DoSelection<true, false>},
    {"reject", DoSelection<false, false>},
    {"selectattr", DoSelection<true, true>},
    {"rejectattr", DoSelection<false, true>},
};

}  // namespace

std::span<const Filter> SelectionFilters() { return kFilters; }

}  // namespace firstlight::jinja
