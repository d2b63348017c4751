#include "engine/chat/jinja/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "engine/chat/jinja/special_casing.h"
#include "engine/tokenizer/text/utf8.h"

namespace firstlight::jinja {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Other_Lowercase and Other_Uppercase: letters of other categories that are in one case.
constexpr CodePointRange kOtherLower[] = {
    {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},    {0x2E0, 0x2E4},
    {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},  {0x1D9B, 0x1DBF},
    {0x2071, 0x2071},   {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2170, 0x217F},  {0x24D0, 0x24E9},
    {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},  {0xAB5C, 0xAB5F},
    {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}};
constexpr CodePointRange kOtherUpper[] = {
    {0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
// Numeric_Type=Digit without the decimal digits: superscripts and the like.
constexpr CodePointRange kOtherDigits[] = {
    {0xB2, 0xB3},       {0xB9, 0xB9},       {0x1369, 0x1371},   {0x19DA, 0x19DA},
    {0x2070, 0x2070},   {0x2074, 0x2079},   {0x2080, 0x2089},   {0x2460, 0x2468},
    {0x2474, 0x247C},   {0x2488, 0x2490},   {0x24EA, 0x24EA},   {0x24F5, 0x24FD},
    {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},   {0x278A, 0x2792},
    {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A}};

template <size_t kSize>
bool InRanges(const CodePointRange (&ranges)[kSize], char32_t code_point) {
  const auto* const range = std::lower_bound(
      std::begin(ranges), std::end(ranges), code_point,
      [](const CodePointRange& candidate, char32_t c) { return candidate.last < c; });
  return range != std::end(ranges) && range->first <= code_point;
}

utf8proc_category_t Category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

char32_t Simple(char32_t code_point, CaseMapping mapping) {
  const auto c = static_cast<utf8proc_int32_t>(code_point);
  switch (mapping) {
    case CaseMapping::kUpper:
      return static_cast<char32_t>(utf8proc_toupper(c));
    case CaseMapping::kTitle:
      return static_cast<char32_t>(utf8proc_totitle(c));
    default:
      return static_cast<char32_t>(utf8proc_tolower(c));
  }
}

// Case_Ignorable, nearly: marks, modifiers and the punctuation inside words.
bool IsCaseIgnorable(char32_t code_point) {
  switch (Category(code_point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  constexpr std::u32string_view kInsideWords =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027"
      U"\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  return kInsideWords.find(code_point) != std::u32string_view::npos;
}

// Whether the sigma at `character` ends a word: a cased letter before it and none after it, with
// what is ignorable left out.
bool IsFinalSigma(std::string_view text, const Character& character) {
  size_t before = character.begin;
  bool cased_before = false;
  while (before > 0) {
    --before;
    while (before > 0 && ContinuesCharacter(text[before])) --before;
    const char32_t c = CharacterAt(text, before).code_point;
    if (IsCaseIgnorable(c)) continue;
    cased_before = IsCased(c);
    break;
  }
  if (!cased_before) return false;
  for (size_t after = character.end; after < text.size();) {
    const Character next = CharacterAt(text, after);
    if (!IsCaseIgnorable(next.code_point)) return !IsCased(next.code_point);
    after = next.end;
  }
  return true;
}

void AppendFolded(char32_t code_point, std::string& out) {
  constexpr int kLongest = 4;
  utf8proc_int32_t folded[kLongest];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(code_point), folded, kLongest, UTF8PROC_CASEFOLD, &boundary);
  if (count <= 0 || count > kLongest) {
    AppendUtf8(code_point, out);
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) AppendUtf8(static_cast<char32_t>(folded[i]), out);
}

}  // namespace

bool IsSpace(char32_t code_point) {
  if (code_point < 0x80) {
    return code_point == ' ' || (code_point >= 0x09 && code_point <= 0x0D) ||
           (code_point >= 0x1C && code_point <= 0x1F);
  }
  constexpr std::u32string_view kSpaces = U"\u0085\u00A0\u1680\u2028\u2029\u202F\u205F\u3000";
  return (code_point >= 0x2000 && code_point <= 0x200A) ||
         kSpaces.find(code_point) != std::u32string_view::npos;
}

size_t StripLeftSpace(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Character character = CharacterAt(text, at);
    if (!IsSpace(character.code_point)) break;
    at = character.end;
  }
  return at;
}

size_t StripRightSpace(std::string_view text) {
  size_t size = text.size();
  while (size > 0) {
    size_t begin = size - 1;
    while (begin > 0 && ContinuesCharacter(text[begin])) --begin;
    if (!IsSpace(CharacterAt(text, begin).code_point)) break;
    size = begin;
  }
  return size;
}

bool IsAllSpace(std::string_view text) {
  return !text.empty() && StripLeftSpace(text) == text.size();
}

bool IsLineBreak(char32_t code_point) {
  return (code_point >= 0x0A && code_point <= 0x0D) || (code_point >= 0x1C && code_point <= 0x1E) ||
         code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029;
}

bool IsLower(char32_t code_point) {
  return Category(code_point) == UTF8PROC_CATEGORY_LL || InRanges(kOtherLower, code_point);
}
bool IsUpper(char32_t code_point) {
  return Category(code_point) == UTF8PROC_CATEGORY_LU || InRanges(kOtherUpper, code_point);
}
bool IsTitleCase(char32_t code_point) { return Category(code_point) == UTF8PROC_CATEGORY_LT; }
bool IsCased(char32_t code_point) {
  return IsLower(code_point) || IsUpper(code_point) || IsTitleCase(code_point);
}

bool IsAlphabetic(char32_t code_point) {
  switch (Category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}
bool IsDecimalDigit(char32_t code_point) { return Category(code_point) == UTF8PROC_CATEGORY_ND; }
bool IsDigitCharacter(char32_t code_point) {
  return IsDecimalDigit(code_point) || InRanges(kOtherDigits, code_point);
}
bool IsNumericCharacter(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

void AppendMapped(std::string_view text, const Character& character, CaseMapping mapping,
                  std::string& out) {
  const char32_t c = character.code_point;
  constexpr char32_t kCapitalSigma = 0x3A3;
  constexpr char32_t kFinalSigma = 0x3C2;
  constexpr char32_t kCapitalDottedI = 0x130;
  if (mapping == CaseMapping::kFold) {
    AppendFolded(c, out);
    return;
  }
  if (mapping == CaseMapping::kLower) {
    if (c == kCapitalDottedI) {
      out.append("i\xCC\x87");
      return;
    }
    const bool final_sigma = c == kCapitalSigma && IsFinalSigma(text, character);
    AppendUtf8(final_sigma ? kFinalSigma : Simple(c, mapping), out);
    return;
  }
  if (const SpecialCasing* const special = c < 0x80 ? nullptr : FindSpecialCasing(c)) {
    out.append(mapping == CaseMapping::kUpper ? special->upper : special->title);
    return;
  }
  AppendUtf8(Simple(c, mapping), out);
}

Text MapCase(const Text& text, CaseMapping mapping) {
  Text result;
  result.Reserve(text.size());
  std::string mapped;
  bool mapped_is_data = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text.bytes(), at);
    const bool is_data = text.has_data() && text.IsData(at);
    if (is_data != mapped_is_data) {
      result.Append(mapped, mapped_is_data);
      mapped.clear();
      mapped_is_data = is_data;
    }
    AppendMapped(text.bytes(), character, mapping, mapped);
    at = character.end;
  }
  result.Append(mapped, mapped_is_data);
  return result;
}

}  // namespace firstlight::jinja
