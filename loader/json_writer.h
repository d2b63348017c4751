#ifndef FIRSTLIGHT_LOADER_JSON_WRITER_H_
#define FIRSTLIGHT_LOADER_JSON_WRITER_H_

// Writing the pieces of JSON that need care: strings.

#include <string>
#include <string_view>

namespace firstlight {

// Appends `value` as a JSON string, quotes included. UTF-8 stays as it is; each byte that is not
// part of valid UTF-8 becomes U+FFFD, so that the result is always JSON.
void AppendJsonString(std::string_view value, std::string* text);

// AppendJsonString to an empty string.
std::string JsonString(std::string_view value);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_JSON_WRITER_H_
