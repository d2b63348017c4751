#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_STRING_LITERAL_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_STRING_LITERAL_H_

#include <string>
#include <string_view>

namespace firstlight::jinja {

// Every \r\n and \r as \n.
std::string NormalizeNewlines(std::string_view text);

// What stands between a string literal's quotes as the string that it means: Python's escapes.
// Throws TemplateError.
std::string UnescapeLiteral(std::string_view literal);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_STRING_LITERAL_H_
