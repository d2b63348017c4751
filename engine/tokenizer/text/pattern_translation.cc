#include "engine/tokenizer/text/pattern_translation.h"

#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "engine/tokenizer/text/script_names.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::string_view kSpaces =
    R"(\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNotSpaces =
    R"(\x00-\x08\x0E-\x1F\x21-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF})"
    R"(\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
// Oniguruma's \w takes Latin-1's superscripts and fractions in, but not within a class.
constexpr std::string_view kWord =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr std::string_view kWordInClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";
constexpr std::string_view kAnyCharacter = R"([\x00-\x{10FFFF}])";
constexpr int kMaxClassNesting = 16;

// Escapes that both languages read alike.
constexpr std::string_view kSharedEscapes = "tnrfaexpPAzZdD";

absl::Status NotImplemented(std::string_view construct) {
  return absl::UnimplementedError(
      StrCat("pattern construct ", Quoted(construct), " is not implemented"));
}

// Without what names are compared regardless of.
std::string Folded(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != ' ' && c != '^') {
      folded.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  return folded;
}

bool IsScriptName(std::string_view name) {
  const std::string folded = Folded(name);
  for (const absl::string_view script : absl::StrSplit(ToAbsl(kScriptNames), ' ')) {
    if (Folded(ToStd(script)) == folded) return true;
  }
  return false;
}

std::string ScriptProperty(std::string_view name) {
  return StrCat("{", name.starts_with('^') ? "^" : "", "sc:", Folded(name), "}");
}

absl::Status EndsEarly() { return absl::InvalidArgumentError("pattern ends too early"); }

class Translation {
 public:
  explicit Translation(std::string_view pattern) : rest_(pattern) {}

  absl::StatusOr<std::string> Run() {
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (c == '\\') {
        atom_start_ = out_.size();
        FIRSTLIGHT_RETURN_IF_ERROR(Escape());
      } else if (c == '[') {
        atom_start_ = out_.size();
        FIRSTLIGHT_RETURN_IF_ERROR(CharacterClass());
      } else if (c == '(') {
        group_starts_.push_back(out_.size());
        FIRSTLIGHT_RETURN_IF_ERROR(OpenGroup());
      } else if (c == ')') {
        if (group_starts_.empty()) {
          return absl::InvalidArgumentError("pattern closes a group that it does not open");
        }
        atom_start_ = group_starts_.back();
        group_starts_.pop_back();
        Copy(1);
      } else if (c == '{') {
        Interval();
      } else {
        if (c != '*' && c != '+' && c != '?') {
          atom_start_ = out_.size();
        }
        CopyCharacter();
      }
    }
    return std::move(out_);
  }

 private:
  void Copy(size_t bytes) {
    out_ += rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
  }

  // A character whole, so that a quantifier finds the start of its atom.
  void CopyCharacter() {
    size_t bytes = 1;
    while (bytes < rest_.size() && ContinuesCharacter(rest_[bytes])) {
      ++bytes;
    }
    Copy(bytes);
  }

  void Replace(size_t bytes, std::string_view replacement) {
    rest_.remove_prefix(bytes);
    out_ += replacement;
  }

  // `\uHHHH` at the start of rest_.
  absl::Status UnicodeEscape() {
    if (rest_.size() < 6) {
      return EndsEarly();
    }
    const std::string_view digits = rest_.substr(2, 4);
    for (const char digit : digits) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(digit))) {
        return NotImplemented(rest_.substr(0, 6));
      }
    }
    Replace(6, StrCat("\\x{", digits, "}"));
    return absl::OkStatus();
  }

  // Escapes that mean the same in and out of a class. False when `rest_` starts with another.
  absl::StatusOr<bool> SharedEscape() {
    if (rest_.size() < 2) {
      return EndsEarly();
    }
    const char c = rest_[1];
    if (c == 'u') {
      FIRSTLIGHT_RETURN_IF_ERROR(UnicodeEscape());
    } else if (c == 'v') {
      Replace(2, "\\x0B");
    } else if (c == 'x' && rest_.size() > 2 && rest_[2] >= '8' && rest_[2] != '{') {
      // One byte of a character, which no text that has been checked contains alone.
      return NotImplemented(rest_.substr(0, 4));
    } else if (kSharedEscapes.find(c) != std::string_view::npos ||
               !absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      const bool takes_braces = c == 'p' || c == 'P' || c == 'x';
      Copy(1);
      CopyCharacter();
      if (takes_braces && rest_.starts_with('{')) {
        const size_t end = rest_.find('}');
        if (end == std::string_view::npos) {
          return EndsEarly();
        }
        const std::string_view name = rest_.substr(1, end - 1);
        if (c != 'x' && IsScriptName(name)) {
          // The script that a character has; by its name alone PCRE2 means those it is used in.
          Replace(end + 1, ScriptProperty(name));
        } else {
          Copy(end + 1);
        }
      }
    } else {
      return false;
    }
    return true;
  }

  absl::Status Escape() {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool done, SharedEscape());
    if (done) {
      return absl::OkStatus();
    }
    switch (rest_[1]) {
      case 's':
        Replace(2, StrCat("[", kSpaces, "]"));
        break;
      case 'S':
        Replace(2, StrCat("[^", kSpaces, "]"));
        break;
      case 'w':
        Replace(2, StrCat("[", kWord, "]"));
        break;
      case 'W':
        Replace(2, StrCat("[^", kWord, "]"));
        break;
      case 'h':
        Replace(2, StrCat("[", kHexDigits, "]"));
        break;
      case 'H':
        Replace(2, StrCat("[^", kHexDigits, "]"));
        break;
      case 'b':
        Replace(2, StrCat("(?:(?<=[", kWord, "])(?![", kWord, "])|(?<![", kWord, "])(?=[", kWord,
                          "]))"));
        break;
      case 'B':
        Replace(2, StrCat("(?:(?<=[", kWord, "])(?=[", kWord, "])|(?<![", kWord, "])(?![", kWord,
                          "]))"));
        break;
      default:
        return NotImplemented(rest_.substr(0, 2));
    }
    return absl::OkStatus();
  }

  // What a character class says, up to its negation.
  struct CharacterSet {
    // A part of a class of PCRE2's.
    std::string members;
    // Expressions that match one character each, for what its classes cannot say.
    std::vector<std::string> others;

    // Matches one character of the set.
    std::string Expression() const {
      std::string expression = members.empty() ? "" : StrCat("[", members, "]");
      if (others.empty()) return expression;
      for (const std::string& other : others) {
        StrAppend(&expression, expression.empty() ? "" : "|", other);
      }
      return StrCat("(?:", expression, ")");
    }
    std::string NegatedExpression() const {
      return others.empty() ? StrCat("[^", members, "]")
                            : StrCat("(?:(?!", Expression(), ")", kAnyCharacter, ")");
    }
  };

  // An escape within a class. Its members go to out_.
  absl::Status ClassEscape(CharacterSet& set) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool done, SharedEscape());
    if (done) {
      return absl::OkStatus();
    }
    switch (rest_[1]) {
      case 's':
        Replace(2, kSpaces);
        break;
      case 'S':
        Replace(2, kNotSpaces);
        break;
      case 'w':
        Replace(2, kWordInClass);
        break;
      case 'W':
        set.others.push_back(StrCat("[^", kWordInClass, "]"));
        Replace(2, "");
        break;
      case 'h':
        Replace(2, kHexDigits);
        break;
      case 'H':
        set.others.push_back(StrCat("[^", kHexDigits, "]"));
        Replace(2, "");
        break;
      case 'b':
        Replace(2, "\\x08");
        break;
      default:
        return NotImplemented(StrCat("[", rest_.substr(0, 2), "]"));
    }
    return absl::OkStatus();
  }

  // Reads a class whole and gives an expression for one character. Sets within it are united with
  // the rest; "&&" intersects what stands on its two sides, and "^" is last of all.
  absl::StatusOr<CharacterSet> ReadClass(int depth) {
    if (depth > kMaxClassNesting) {
      return absl::InvalidArgumentError(
          StrCat("pattern: character classes nest deeper than ", kMaxClassNesting));
    }
    rest_.remove_prefix(1);
    const bool negated = rest_.starts_with("^");
    if (negated) rest_.remove_prefix(1);
    const std::string outside = std::exchange(out_, std::string());
    CharacterSet set;
    std::string intersected_with;
    if (rest_.starts_with("]")) Replace(1, "\\]");
    while (!rest_.empty() && rest_[0] != ']') {
      if (rest_[0] == '\\') {
        FIRSTLIGHT_RETURN_IF_ERROR(ClassEscape(set));
      } else if (rest_.starts_with("[:")) {
        const size_t end = rest_.find(":]");
        if (end == std::string_view::npos) {
          return EndsEarly();
        }
        Copy(end + 2);
      } else if (rest_[0] == '[') {
        FIRSTLIGHT_ASSIGN_OR_RETURN(CharacterSet within, ReadClass(depth + 1));
        out_ += within.members;
        std::move(within.others.begin(), within.others.end(), std::back_inserter(set.others));
      } else if (rest_.starts_with("&&")) {
        rest_.remove_prefix(2);
        set.members = std::exchange(out_, std::string());
        StrAppend(&intersected_with, "(?=", std::exchange(set, {}).Expression(), ")");
      } else {
        CopyCharacter();
      }
    }
    if (rest_.empty()) {
      return EndsEarly();
    }
    rest_.remove_prefix(1);
    set.members = std::exchange(out_, outside);
    if (!intersected_with.empty()) {
      set = {.members = "", .others = {StrCat("(?:", intersected_with, set.Expression(), ")")}};
    }
    if (negated) {
      set = {.members = "", .others = {set.NegatedExpression()}};
    }
    return set;
  }

  absl::Status CharacterClass() {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const CharacterSet set, ReadClass(/*depth=*/0));
    out_ += set.members.empty() && set.others.size() == 1 ? set.others[0] : set.Expression();
    return absl::OkStatus();
  }

  absl::Status OpenGroup() {
    if (rest_.starts_with("(*")) {
      return NotImplemented("(*");
    }
    if (!rest_.starts_with("(?")) {
      Copy(1);
      return absl::OkStatus();
    }
    for (const std::string_view opening : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (rest_.starts_with(opening)) {
        Copy(opening.size());
        return absl::OkStatus();
      }
    }
    size_t end = 2;
    std::string flags = "(?";
    while (end < rest_.size() &&
           std::string_view("imx-").find(rest_[end]) != std::string_view::npos) {
      flags.push_back(rest_[end] == 'm' ? 's' : rest_[end]);
      ++end;
    }
    if (end == rest_.size()) {
      return EndsEarly();
    }
    if (end > 2 && (rest_[end] == ':' || rest_[end] == ')')) {
      if (flags.find('x') != std::string::npos) {
        return NotImplemented("(?x");
      }
      if (rest_[end] == ')') {
        // No group: the flags hold to the end of the enclosing one.
        group_starts_.pop_back();
      }
      flags.push_back(rest_[end]);
      Replace(end + 1, flags);
      return absl::OkStatus();
    }
    return NotImplemented(rest_.substr(0, end + 1));
  }

  // `{n}`, `{n,}`, `{,m}` or `{n,m}`; a brace that is none of them stands for itself.
  void Interval() {
    size_t end = 1;
    bool comma = false;
    bool digits = false;
    while (end < rest_.size() && rest_[end] != '}') {
      if (rest_[end] == ',' && !comma) {
        comma = true;
      } else if (absl::ascii_isdigit(static_cast<unsigned char>(rest_[end]))) {
        digits = true;
      } else {
        break;
      }
      ++end;
    }
    if (end >= rest_.size() || rest_[end] != '}' || !digits) {
      atom_start_ = out_.size();
      Replace(1, "\\{");
      return;
    }
    std::string interval(rest_.substr(0, end + 1));
    rest_.remove_prefix(end + 1);
    if (interval[1] == ',') {
      interval.insert(1, "0");
    }
    const bool repeated = rest_.starts_with("+") || (!comma && rest_.starts_with("?"));
    if (repeated) {
      out_.insert(atom_start_, "(?:");
      StrAppend(&out_, interval, ")");
    } else {
      out_ += interval;
    }
  }

  std::string_view rest_;
  std::string out_;
  // Where in out_ the atom that a quantifier would repeat begins, and the groups still open.
  size_t atom_start_ = 0;
  std::vector<size_t> group_starts_;
};

}  // namespace

absl::StatusOr<std::string> TranslatePattern(std::string_view oniguruma) {
  return Translation(oniguruma).Run();
}

}  // namespace firstlight
