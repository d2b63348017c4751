#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_FILTERS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_FILTERS_H_

// value | filter: jinja2's built-in filters and transformers' tojson.

#include <span>
#include <string_view>

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

using FilterFunction = Value (*)(Heap& heap, const Value& value, const Arguments& arguments);

struct Filter {
  std::string_view name{};
  FilterFunction function = nullptr;
};

// Null where there is none of that name.
const Filter* FindFilter(std::string_view name);

// The filters by subject.
std::span<const Filter> TextFilters();
std::span<const Filter> NumberFilters();
std::span<const Filter> SequenceFilters();
std::span<const Filter> SelectionFilters();
std::span<const Filter> MarkupFilters();

// A function that reads an attribute as filters name it: None for the value itself, "a.b.0" for
// attributes of attributes. `otherwise` (missing for none) replaces what is undefined.
class AttributeGetter {
 public:
  AttributeGetter(Heap& heap, const Value& attribute, Value otherwise);
  // `lower`: strings in lower case, for comparisons that do not see it.
  Value Get(const Value& item, bool lower) const;

 private:
  Heap& heap_;
  Values parts_;
  Value otherwise_;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_FILTERS_H_
