#include "engine/chat/jinja/arguments.h"

#include <algorithm>

#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

Values Bind(std::string_view function, ParameterNames parameters, size_t required,
            const Arguments& arguments) {
  const size_t given = arguments.positional.size();
  if (given > parameters.size()) {
    RaiseTypeError(StrCat(function, "() takes at most ", parameters.size(), " argument",
                          parameters.size() == 1 ? "" : "s", " (", given, " given)"));
  }
  Values bound(parameters.size());
  std::copy(arguments.positional.begin(), arguments.positional.end(), bound.begin());
  for (const auto& [name, value] : arguments.keywords) {
    const auto* const parameter = std::find(parameters.begin(), parameters.end(), name);
    if (parameter == parameters.end()) {
      RaiseTypeError(StrCat(function, "() got an unexpected keyword argument '", name, "'"));
    }
    Value& place = bound[static_cast<size_t>(parameter - parameters.begin())];
    if (!place.is_missing()) {
      RaiseTypeError(StrCat(function, "() got multiple values for argument '", name, "'"));
    }
    place = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound[i].is_missing()) {
      std::string_view name = *(parameters.begin() + i);
      if (name.starts_with('/')) name.remove_prefix(1);
      RaiseTypeError(StrCat(function, "() missing 1 required positional argument: '", name, "'"));
    }
  }
  return bound;
}

const Value& OrElse(const Value& value, const Value& otherwise) {
  return value.is_missing() ? otherwise : value;
}

int64_t RequireInteger(const Value& value) {
  if (value.is_integer()) return value.integer();
  if (value.kind() == Kind::kHugeInteger) {
    throw TemplateError("OverflowError", "Python int too large to convert to C ssize_t");
  }
  RaiseTypeError(StrCat("'", TypeName(value), "' object cannot be interpreted as an integer"));
}

const Value& RequireString(const Value& value, std::string_view what) {
  if (!value.is_string()) {
    RaiseTypeError(StrCat(what, " must be str, not ", TypeName(value)));
  }
  return value;
}

}  // namespace firstlight::jinja
