#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_TRANSLATION_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_TRANSLATION_H_

// The patterns of tokenizer.json are written for Oniguruma (its default syntax, Ruby's); here they
// run on PCRE2. Most of the two languages is the same text with the same meaning. This rewrites
// what means something else and refuses what has no counterpart:
//   \s \S      White_Space; PCRE2's has U+180E too
//   \w \W \b   Alphabetic, Mark, Decimal_Number, Connector_Punctuation and, outside of classes, the
//              superscripts and fractions of Latin-1; PCRE2's has all numbers and no marks
//   \h \v \u   a hexadecimal digit, one vertical tab, a code point
//   (?m:…)     "." matches a newline; PCRE2 calls that s
//   [a[b]&&c]  sets within classes, united and intersected
//   \p{Han}    the script that a character has, not all that it is used in
//   X{n,m}+    a repeated repeat, not a possessive one; X{n}? likewise; X{,n} counts from 0

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace firstlight {

// Errors: UNIMPLEMENTED naming the construct; INVALID_ARGUMENT for a pattern that ends too early.
absl::StatusOr<std::string> TranslatePattern(std::string_view oniguruma);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_TRANSLATION_H_
