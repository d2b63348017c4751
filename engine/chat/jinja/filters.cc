#include "engine/chat/jinja/filters.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/chat/jinja/attributes.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// Of jinja2, but of no use in a chat: refused by name when they are reached.
template <char... kName>
Value Refused(Heap&, const Value&, const Arguments&) {
  constexpr char kText[] = {kName..., '\0'};
  throw TemplateError::Unimplemented(StrCat("the filter \"", kText, "\" is not implemented"));
}

constexpr Filter kRefused[] = {
    {"pprint", Refused<'p', 'p', 'r', 'i', 'n', 't'>},
    {"random", Refused<'r', 'a', 'n', 'd', 'o', 'm'>},
    {"urlize", Refused<'u', 'r', 'l', 'i', 'z', 'e'>},
    {"wordwrap", Refused<'w', 'o', 'r', 'd', 'w', 'r', 'a', 'p'>},
};

}  // namespace

const Filter* FindFilter(std::string_view name) {
  static const auto* const table = [] {
    auto* const built = new absl::flat_hash_map<std::string_view, const Filter*>();
    for (const std::span<const Filter> filters :
         {TextFilters(), NumberFilters(), SequenceFilters(), SelectionFilters(), MarkupFilters(),
          std::span<const Filter>(kRefused)}) {
      for (const Filter& filter : filters) built->emplace(filter.name, &filter);
    }
    return built;
  }();
  const auto found = table->find(name);
  return found == table->end() ? nullptr : found->second;
}

AttributeGetter::AttributeGetter(Heap& heap, const Value& attribute, Value otherwise)
    : heap_(heap), otherwise_(std::move(otherwise)) {
  if (attribute.is_missing() || attribute.is_none()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  const std::string_view path = attribute.bytes();
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    const bool digits =
        !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    parts_.push_back(digits ? Value::Integer(ParseInteger(part, 10).value_or(0))
                            : MakeString(heap, part));
    begin = end + 1;
  }
}

Value AttributeGetter::Get(const Value& item, bool lower) const {
  Value value = item;
  for (const Value& part : parts_) {
    heap_.Spend(1);
    value = GetItem(heap_, value, part);
    if (!otherwise_.is_missing() && value.is_undefined()) value = otherwise_;
  }
  if (lower && value.is_string()) {
    heap_.SpendBytes(value.text().size() * 64);
    return MakeString(heap_, MapCase(value.text(), CaseMapping::kLower));
  }
  return value;
}

}  // namespace firstlight::jinja
