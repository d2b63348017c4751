#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_ARGUMENTS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_ARGUMENTS_H_

// What a function, method, filter or test is called with.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

struct Arguments {
  Values positional{};
  // The names belong to the template, or to a dict that outlives them: copies of long ones would be
  // memory that nobody counts.
  std::vector<std::pair<std::string_view, Value>> keywords{};
  // The dict that was given by `**`, whose keys are names.
  Value names_of{};
  // Whether a keyword's own name comes from input data (`**` of a dict of the conversation's): then
  // all of the names count as such.
  bool names_are_data = false;
};

// A parameter; a name that begins with "/" can only be given by position.
using ParameterNames = std::initializer_list<std::string_view>;

// The values of `parameters`, in their order, kMissing where none is given. Throws TypeError as
// Python does when one of the first `required` is missing, or for arguments too many or unknown.
Values Bind(std::string_view function, ParameterNames parameters, size_t required,
            const Arguments& arguments);

// `value`, or `otherwise` where it is missing.
const Value& OrElse(const Value& value, const Value& otherwise);

// `value` as an int, for a parameter that takes one. Throws TypeError, or an undefined value's
// error.
int64_t RequireInteger(const Value& value);
// `value` as a str.
const Value& RequireString(const Value& value, std::string_view what);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_ARGUMENTS_H_
