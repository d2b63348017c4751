#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMATTING_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMATTING_H_

// Python's two ways to put values into text: "%s items" % n and "{} items".format(n).

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

// `format` % `arguments`.
Value FormatPercent(Heap& heap, const Value& format, const Value& arguments);

// `format`.format(...). Fields reach attributes by the sandbox's rules.
Value FormatBraces(Heap& heap, const Value& format, const Arguments& arguments);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_FORMATTING_H_
