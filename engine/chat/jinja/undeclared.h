#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_UNDECLARED_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_UNDECLARED_H_

#include <set>
#include <string>
#include <vector>

#include "engine/chat/jinja/syntax.h"

namespace firstlight::jinja {

// Those of `names` that the statements read before they set them, not looking into blocks: jinja2's
// find_undeclared, which decides whether a macro takes a caller and further arguments.
std::set<std::string> FindUndeclared(const std::vector<Statement*>& body,
                                     std::set<std::string> names);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_UNDECLARED_H_
