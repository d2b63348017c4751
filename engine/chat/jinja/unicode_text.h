#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_UNICODE_TEXT_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_UNICODE_TEXT_H_

// Characters as Python's str methods see them. The tables are utf8proc's and, for letters whose
// upper or title case is more than one letter, those of Unicode's SpecialCasing.txt.

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/chat/jinja/text.h"

namespace firstlight::jinja {

// str.isspace of one character: what strip, split and \s take for white space.
bool IsSpace(char32_t code_point);
// The number of bytes of white space at the start of `text`.
size_t StripLeftSpace(std::string_view text);
// The size of `text` without the white space at its end.
size_t StripRightSpace(std::string_view text);
// Whether `text` is white space and not empty.
bool IsAllSpace(std::string_view text);

// str.splitlines' line boundaries.
bool IsLineBreak(char32_t code_point);

bool IsLower(char32_t code_point);
bool IsUpper(char32_t code_point);
bool IsTitleCase(char32_t code_point);
bool IsCased(char32_t code_point);
bool IsAlphabetic(char32_t code_point);
bool IsDecimalDigit(char32_t code_point);
bool IsDigitCharacter(char32_t code_point);
bool IsNumericCharacter(char32_t code_point);

enum class CaseMapping { kLower, kUpper, kTitle, kFold };

// The character at `position` of `text` in that case. Lower case knows the final sigma.
void AppendMapped(std::string_view text, const Character& character, CaseMapping mapping,
                  std::string& out);

// A whole text in one case; data stays data.
Text MapCase(const Text& text, CaseMapping mapping);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_UNICODE_TEXT_H_
