#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_JSON_TEXT_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_JSON_TEXT_H_

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

// json.dumps(value, ensure_ascii=, indent=, separators=, sort_keys=), what transformers makes of
// the filter tojson; arguments may be missing. The brackets and commas of a value that is input
// data are data as well.
Text ToJson(Heap& heap, const Value& value, const Value& ensure_ascii, const Value& indent,
            const Value& separators, const Value& sort_keys);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_JSON_TEXT_H_
