#ifndef FIRSTLIGHT_LOADER_BASE_STRINGS_H_
#define FIRSTLIGHT_LOADER_BASE_STRINGS_H_

// Building text from std::string_view. Debian's Abseil is compiled with a string_view of its own,
// which absl::StrCat takes and std::string_view does not convert to.

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace firstlight {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

namespace strings_internal {
template <typename Piece>
using AdaptedPiece =
    std::conditional_t<std::is_same_v<Piece, std::string_view>, absl::string_view, const Piece&>;
template <typename Piece>
AdaptedPiece<Piece> Adapt(const Piece& piece) {
  if constexpr (std::is_same_v<Piece, std::string_view>) {
    return ToAbsl(piece);
  } else {
    return piece;  // NOLINT(bugprone-return-const-ref-from-parameter): consumed in the same call
  }
}
}  // namespace strings_internal

// As absl::StrCat and absl::StrAppend, whose pieces may also be std::string_view.
template <typename... Pieces>
std::string StrCat(const Pieces&... pieces) {
  return absl::StrCat(strings_internal::Adapt(pieces)...);
}
template <typename... Pieces>
void StrAppend(std::string* text, const Pieces&... pieces) {
  absl::StrAppend(text, strings_internal::Adapt(pieces)...);
}

// As many of the first characters of `text` as fit in `max_bytes`.
std::string_view FirstCharacters(std::string_view text, size_t max_bytes);

// Text of unknown origin as messages and logs may show it: in quotes, control characters escaped,
// cut between two characters at `max_bytes`; every byte beyond ASCII escaped where it is not UTF-8.
std::string Quoted(std::string_view text, size_t max_bytes = 256);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_BASE_STRINGS_H_
