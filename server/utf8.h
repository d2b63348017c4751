#ifndef FIRSTLIGHT_SERVER_UTF8_H_
#define FIRSTLIGHT_SERVER_UTF8_H_

// UTF-8 as logs and error messages need it: what clients and file names hold is shown, never
// trusted to be text.

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

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_UTF8_H_
