#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_BUILTIN_CALL_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_BUILTIN_CALL_H_

// Calls of Llama's built-in tools: brave_search.call(query="weather in Paris", count="3").

#include <optional>
#include <string_view>

#include "engine/chat/formats/chat_parser.h"

namespace firstlight {

// The call that all of `text` is, but for white space around it; its arguments as a JSON object of
// strings and numbers. Nothing where it is none.
std::optional<ToolCall> ParseBuiltinCall(std::string_view text);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_BUILTIN_CALL_H_
