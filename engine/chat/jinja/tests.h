#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_TESTS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_TESTS_H_

// value is test: jinja2's built-in tests.

#include <string_view>

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

using TestFunction = bool (*)(Heap& heap, const Value& value, const Arguments& arguments);

struct Test {
  std::string_view name{};
  TestFunction function = nullptr;
};

// Null where there is none of that name.
const Test* FindTest(std::string_view name);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_TESTS_H_
