// "UnicodeScripts" (tokenizers/src/pre_tokenizers/unicode_scripts/): cuts where the script changes.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/pattern.h"
#include "engine/tokenizer/text/script_names.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

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

bool IsWrittenAlready(std::string_view script) {
  return script == "Common" || script == "Han" || script == "Hiragana" || script == "Katakana";
}

std::string RunOfAnyScript() {
  std::string pattern = StrCat(Run(R"(\p{sc:Han}\p{sc:Hiragana}\p{sc:Katakana}\x{30FC})", ""), "|",
                               Run(StrCat("\\p{sc:Common}", kStillCommon), R"(\x{30FC})"));
  for (const absl::string_view name : absl::StrSplit(ToAbsl(kScriptNames), ' ')) {
    const std::string_view script = ToStd(name);
    if (IsWrittenAlready(script)) continue;
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
