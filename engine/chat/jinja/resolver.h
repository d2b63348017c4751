#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_RESOLVER_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_RESOLVER_H_

#include "engine/chat/jinja/syntax.h"

namespace firstlight::jinja {

// Decides for each name of the tree which variable, filter or test it is, and what each scope
// holds. Throws TemplateError: for filters and tests that do not exist, unless an if may keep them
// from being reached.
void Resolve(SyntaxTree& tree);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_RESOLVER_H_
