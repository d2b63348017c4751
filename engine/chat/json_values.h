#ifndef FIRSTLIGHT_ENGINE_CHAT_JSON_VALUES_H_
#define FIRSTLIGHT_ENGINE_CHAT_JSON_VALUES_H_

// A conversation's JSON as values of the template language: what json.loads of Python makes of it,
// all of it marked as input data.

#include "engine/chat/jinja/value.h"
#include "loader/json.h"

namespace firstlight {

// Throws jinja::TemplateError beyond the heap's limits. A key that comes twice has its last value.
jinja::Value JsonToValue(jinja::Heap& heap, const JsonValue& json);

// One message as the template sees it: its reasoning under each of its names, as transformers gives
// it (chat_template_utils.py, _alias_reasoning_fields). `continued` (missing for none) replaces the
// content.
jinja::Value MessageToValue(jinja::Heap& heap, const JsonValue& json,
                            const jinja::Value& continued);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_JSON_VALUES_H_
