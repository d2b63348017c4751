#include "loader/base/utf8.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace firstlight {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// How the string of JSON writes one control character.
void AppendControl(std::string* out, unsigned char control) {
  switch (control) {
    case '\n':
      out->append("\\n");
      break;
    case '\r':
      out->append("\\r");
      break;
    case '\t':
      out->append("\\t");
      break;
    default:
      absl::StrAppendFormat(out, "\\u%04x", control);
  }
}

}  // namespace

size_t Utf8CharacterLength(absl::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char first = byte(0);
  size_t length = 0;
  if (first < 0x80) {
    length = 1;
  } else if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
  }
  if (length == 0 || offset + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies past U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

std::string ToValidUtf8(absl::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8CharacterLength(text, i);
    const absl::string_view next = length == 0 ? kReplacement : text.substr(i, length);
    if (out.size() + next.size() > max_bytes) return out + "[...]";
    out.append(next.data(), next.size());
    i += length == 0 ? 1 : length;
  }
  return out;
}

void AppendEscaped(std::string* out, absl::string_view text, absl::string_view marked) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8CharacterLength(text, i);
    if (length == 0) {
      absl::StrAppend(out, kReplacement);
      ++i;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      AppendControl(out, static_cast<unsigned char>(text[i + 1]));
    } else if (c < 0x20 || c == 0x7f) {
      AppendControl(out, c);
    } else {
      if (absl::StrContains(marked, text[i])) out->push_back('\\');
      absl::StrAppend(out, text.substr(i, length));
    }
    i += length;
  }
}

std::string EscapeControls(absl::string_view text) {
  std::string line;
  AppendEscaped(&line, text, "");
  return line;
}

}  // namespace firstlight
