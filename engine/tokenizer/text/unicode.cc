#include "engine/tokenizer/text/unicode.h"

#include <utf8proc.h>

#include "engine/tokenizer/text/utf8.h"

namespace firstlight {
namespace {

utf8proc_category_t Category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

bool InRange(char32_t code_point, char32_t first, char32_t last) {
  return code_point >= first && code_point <= last;
}

}  // namespace

bool IsWhitespace(char32_t code_point) {
  return InRange(code_point, 0x09, 0x0D) || code_point == 0x20 || code_point == 0x85 ||
         code_point == 0xA0 || code_point == 0x1680 || InRange(code_point, 0x2000, 0x200A) ||
         code_point == 0x2028 || code_point == 0x2029 || code_point == 0x202F ||
         code_point == 0x205F || code_point == 0x3000;
}

bool IsWordCharacter(char32_t code_point) {
  switch (Category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      // Join_Control, and the symbols that are Other_Alphabetic: letters in circles and squares.
      return code_point == 0x200C || code_point == 0x200D || InRange(code_point, 0x24B6, 0x24E9) ||
             InRange(code_point, 0x1F130, 0x1F149) || InRange(code_point, 0x1F150, 0x1F169) ||
             InRange(code_point, 0x1F170, 0x1F189);
  }
}

bool IsNumeric(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool IsPunctuation(char32_t code_point) {
  if (code_point < 0x80) {
    return InRange(code_point, 0x21, 0x2F) || InRange(code_point, 0x3A, 0x40) ||
           InRange(code_point, 0x5B, 0x60) || InRange(code_point, 0x7B, 0x7E);
  }
  const utf8proc_category_t category = Category(code_point);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool IsMark(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
         category == UTF8PROC_CATEGORY_ME;
}

bool IsNonspacingMark(char32_t code_point) { return Category(code_point) == UTF8PROC_CATEGORY_MN; }

bool IsOther(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CS;
}

bool IsBertIdeograph(char32_t code_point) {
  return InRange(code_point, 0x4E00, 0x9FFF) || InRange(code_point, 0x3400, 0x4DBF) ||
         InRange(code_point, 0x20000, 0x2A6DF) || InRange(code_point, 0x2A700, 0x2B73F) ||
         InRange(code_point, 0x2B740, 0x2B81F) || InRange(code_point, 0x2B920, 0x2CEAF) ||
         InRange(code_point, 0xF900, 0xFAFF) || InRange(code_point, 0x2F800, 0x2FA1F);
}

void AppendLowercase(char32_t code_point, std::string& out) {
  // The one unconditional mapping to more than one character in Unicode's SpecialCasing.txt.
  if (code_point == 0x130) {
    out += "i\xCC\x87";
    return;
  }
  AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))),
             out);
}

}  // namespace firstlight
