#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UNICODE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UNICODE_H_

// Properties of characters, with the meaning that the `tokenizers` package gives them. The tables
// are utf8proc's (docs/tokenizers.md says which Unicode version that is).

#include <string>

namespace firstlight {

// White_Space: U+180E, which some regular expression engines call a space, is none.
bool IsWhitespace(char32_t code_point);

// A character of a word, Unicode's \w: Alphabetic, Mark, Decimal_Number, Connector_Punctuation,
// Join_Control.
bool IsWordCharacter(char32_t code_point);

// Decimal_Number, Letter_Number or Other_Number.
bool IsNumeric(char32_t code_point);

// ASCII punctuation and symbols, or any character of the Punctuation categories.
bool IsPunctuation(char32_t code_point);

// A combining mark of any category (Mn, Mc, Me), or only Nonspacing_Mark.
bool IsMark(char32_t code_point);
bool IsNonspacingMark(char32_t code_point);

// Control, Format, Private_Use or Surrogate.
bool IsOther(char32_t code_point);

// In the blocks of CJK ideographs that BERT's tokenizer counts as Chinese (its
// _is_chinese_char).
bool IsBertIdeograph(char32_t code_point);

// Appends the full lower-case mapping of one character, regardless of what stands around it.
void AppendLowercase(char32_t code_point, std::string& out);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_UNICODE_H_
