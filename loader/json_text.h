#ifndef FIRSTLIGHT_LOADER_JSON_TEXT_H_
#define FIRSTLIGHT_LOADER_JSON_TEXT_H_

// The pieces of a JSON text as they are spelled. JsonDocument says what a text means; this says
// where each value of it stands, for who passes values on to somebody else's parser: the order of
// keys, the spelling of numbers and of strings survive.
//
// Pure functions; no recursion, linear in the text.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/json.h"

namespace firstlight {

// A member of an object. Views into the text.
struct JsonTextMember {
  std::string key;            // unescaped
  std::string_view spelling;  // of the key, quotes included
  std::string_view value;     // without space around it
};

// The members of the object, or the values of the array, that `text` is, in order.
// REQUIRES: JsonDocument::Parse takes `text`, and its root is of that type.
std::vector<JsonTextMember> JsonTextMembers(std::string_view text);
std::vector<std::string_view> JsonTextElements(std::string_view text);

// As above for a text of unknown origin. Errors are those of JsonDocument::Parse, and
// INVALID_ARGUMENT for another type; `name` is what they call the text.
absl::StatusOr<std::vector<JsonTextMember>> ParseJsonObject(std::string_view name,
                                                            std::string_view text,
                                                            const JsonOptions& options = {});
absl::StatusOr<std::vector<std::string_view>> ParseJsonArray(std::string_view name,
                                                             std::string_view text,
                                                             const JsonOptions& options = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_JSON_TEXT_H_
