#ifndef FIRSTLIGHT_LOADER_BASE_UTF8_H_
#define FIRSTLIGHT_LOADER_BASE_UTF8_H_

// UTF-8 as logs, error messages and terminals need it: what clients, models and file names hold is
// shown, never trusted to be text.

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace firstlight {

// Length of the valid UTF-8 character that starts at `offset`, 0 where there is none. REQUIRES:
// offset < text.size().
size_t Utf8CharacterLength(absl::string_view text, size_t offset);

// `text` with each byte that is not part of a valid character replaced by U+FFFD, cut between two
// characters at `max_bytes`; "[...]" marks the cut.
std::string ToValidUtf8(absl::string_view text, size_t max_bytes);

// Appends `text` as one line that a terminal only shows: control characters escaped as in JSON
// (DEL and the C1 controls too: terminals act on them), bytes that are no UTF-8 as U+FFFD, and a
// backslash before each character of `marked`.
void AppendEscaped(std::string* out, absl::string_view text, absl::string_view marked);

// `text` so, with nothing marked: quotes and backslashes stay.
std::string EscapeControls(absl::string_view text);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_BASE_UTF8_H_
