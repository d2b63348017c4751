#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_ATTRIBUTES_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_ATTRIBUTES_H_

// value.name and value[key] by the rules of jinja2's immutable sandbox: the attribute first and
// then the item, or the other way around; what begins with an underscore in Python and what would
// change a list or a dict is undefined, with a SecurityError for who uses it.

#include <string_view>

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

// environment.getattr. `name` is a str.
Value GetAttribute(Heap& heap, const Value& object, const Value& name);

// environment.getitem.
Value GetItem(Heap& heap, const Value& object, const Value& key);

// As getattr of Python: kMissing where it raises AttributeError. For the filter `attr`.
Value FindAttribute(Heap& heap, const Value& object, std::string_view name);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_ATTRIBUTES_H_
