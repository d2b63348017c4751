#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_PARSER_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_PARSER_H_

// Tokens to a tree, by jinja2's grammar with the tags that transformers adds: generation, break,
// continue. Nesting and the number of nodes are bounded.

#include <string_view>

#include "engine/chat/jinja/syntax.h"

namespace firstlight::jinja {

// Throws TemplateError.
SyntaxTree Parse(std::string_view source);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_PARSER_H_
