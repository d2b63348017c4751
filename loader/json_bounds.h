#ifndef FIRSTLIGHT_LOADER_JSON_BOUNDS_H_
#define FIRSTLIGHT_LOADER_JSON_BOUNDS_H_

// One cheap pass over JSON text before a parser sees it. A parser sizes its memory by the text:
// 100 MB of "[" would take it 400 MB and more. This pass takes none, and stops where a bound is
// passed.

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "loader/json.h"

namespace firstlight {

// RESOURCE_EXHAUSTED when `text` passes a bound of `options`; INVALID_ARGUMENT for NaN and Infinity
// literals and for a backslash outside of a string, which no parser accepts either. OK says nothing
// about the rest of the syntax.
absl::Status CheckJsonBounds(std::string_view name, std::string_view text,
                             const JsonOptions& options);

// The position after the string whose opening quote is at `position`, or the end of `text`.
size_t SkipJsonString(std::string_view text, size_t position);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_JSON_BOUNDS_H_
