#include "loader/json_bounds.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "loader/base/strings.h"

namespace firstlight {
namespace {

enum class CharacterClass : uint8_t { kOther, kQuote, kOpen, kClose, kSeparator, kRefused };

constexpr std::array<CharacterClass, 256> MakeClasses() {
  std::array<CharacterClass, 256> classes{};
  classes['"'] = CharacterClass::kQuote;
  classes['['] = classes['{'] = CharacterClass::kOpen;
  classes[']'] = classes['}'] = CharacterClass::kClose;
  classes[','] = classes[':'] = CharacterClass::kSeparator;
  classes['N'] = classes['I'] = classes['\\'] = CharacterClass::kRefused;
  return classes;
}

constexpr std::array<CharacterClass, 256> kClasses = MakeClasses();

}  // namespace

size_t SkipJsonString(std::string_view text, size_t position) {
  for (++position; position < text.size(); ++position) {
    if (text[position] == '\\') {
      ++position;
    } else if (text[position] == '"') {
      return position + 1;
    }
  }
  return text.size();
}

namespace {

absl::Status Refused(std::string_view name, std::string_view text, size_t position) {
  const std::string_view rest = text.substr(position);
  const std::string_view found = rest.starts_with("NaN")        ? "NaN"
                                 : rest.starts_with("Infinity") ? "Infinity"
                                                                : rest.substr(0, 1);
  return absl::InvalidArgumentError(
      StrCat(name, ": byte ", position, ": expected JSON, found ", found));
}

}  // namespace

absl::Status CheckJsonBounds(std::string_view name, std::string_view text,
                             const JsonOptions& options) {
  if (static_cast<int64_t>(text.size()) > options.max_bytes) {
    return absl::ResourceExhaustedError(StrCat(name, ": expected at most ", options.max_bytes,
                                               " bytes of JSON, found ", text.size()));
  }
  int depth = 0;
  int64_t structural = 0;
  size_t position = 0;
  while (position < text.size()) {
    switch (kClasses[static_cast<uint8_t>(text[position])]) {
      case CharacterClass::kOther:
        ++position;
        continue;
      case CharacterClass::kQuote:
        position = SkipJsonString(text, position);
        continue;
      case CharacterClass::kRefused:
        return Refused(name, text, position);
      case CharacterClass::kOpen:
        if (++depth > options.max_depth) {
          return absl::ResourceExhaustedError(StrCat(name, ": byte ", position,
                                                     ": expected at most ", options.max_depth,
                                                     " levels of nesting, found more"));
        }
        break;
      case CharacterClass::kClose:
        --depth;
        break;
      case CharacterClass::kSeparator:
        break;
    }
    if (++structural > options.max_structural_characters) {
      return absl::ResourceExhaustedError(StrCat(name, ": byte ", position, ": expected at most ",
                                                 options.max_structural_characters,
                                                 " brackets, commas and colons, found more"));
    }
    ++position;
  }
  return absl::OkStatus();
}

}  // namespace firstlight
