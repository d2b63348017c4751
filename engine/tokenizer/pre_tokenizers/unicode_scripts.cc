// "UnicodeScripts" (tokenizers/src/pre_tokenizers/unicode_scripts/): cuts where the script changes.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/pattern.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Those of Unicode 14 but for Common and those that count as Han.
constexpr std::string_view kScripts =
    "Latin Cyrillic Greek Arabic Hangul Adlam Ahom Anatolian_Hieroglyphs Armenian Avestan "
    "Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid "
    "Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Coptic "
    "Cuneiform Cypriot Cypro_Minoan Deseret Devanagari Dives_Akuru Dogra Duployan "
    "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha "
    "Gujarati Gunjala_Gondi Gurmukhi Hanifi_Rohingya Hanunoo Hatran Hebrew Imperial_Aramaic "
    "Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kayah_Li "
    "Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B "
    "Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi "
    "Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi "
    "Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa Nko Nushu "
    "Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian "
    "Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage "
    "Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang "
    "Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian "
    "Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham "
    "Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto "
    "Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

// Characters that Unicode has moved out of Common since the package's tables were made.
constexpr std::string_view kStillCommon = R"(\x{589}\x{61C}\x{953}\x{954})";

// A run of the characters of `script`, a part of a character class, and of spaces and characters
// without a script behind its first. None of them matches `except`, where that is not empty.
std::string Run(std::string_view script, std::string_view except) {
  if (except.empty()) {
    return StrCat("[", script, "][ \\p{Cn}\\p{Co}", script, "]*+");
  }
  return StrCat("(?![ ", except, "])[", script, "](?:(?![", except, "])[ \\p{Cn}\\p{Co}", script,
                "])*+");
}

bool HasLostCharacters(std::string_view script) {
  return script == "Arabic" || script == "Armenian" || script == "Inherited";
}

std::string RunOfAnyScript() {
  std::string pattern = StrCat(Run(R"(\p{sc:Han}\p{sc:Hiragana}\p{sc:Katakana}\x{30FC})", ""), "|",
                               Run(StrCat("\\p{sc:Common}", kStillCommon), R"(\x{30FC})"));
  for (const absl::string_view name : absl::StrSplit(ToAbsl(kScripts), ' ')) {
    const std::string_view script = ToStd(name);
    StrAppend(&pattern, "|",
              Run(StrCat("\\p{sc:", script, "}"), HasLostCharacters(script) ? kStillCommon : ""));
  }
  return pattern;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const PreTokenizer>> UnicodeScriptsPreTokenizer() {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TextPattern> pattern,
                              TextPattern::Regex(RunOfAnyScript()));
  return SplitPreTokenizer(std::move(pattern), SplitBehavior::kRemoved, /*invert=*/true);
}

}  // namespace firstlight
