#include "engine/chat/jinja/lexer.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/string_literal.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/text.h"
#include "engine/chat/jinja/unicode_text.h"
#include "engine/tokenizer/text/unicode.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Every line break as one newline, and not the last of the file.
std::string NormalizeSource(std::string_view source) {
  std::string result = NormalizeNewlines(source);
  if (result.ends_with('\n')) result.pop_back();
  return result;
}

// An opening tag: {{ {% {# or {% raw %}.
struct Tag {
  size_t begin = kNowhere;
  // After the tag and its sign; for raw after the whole of it.
  size_t end = 0;
  // '{', '%', '#' or 'r'.
  char kind = 0;
  // '-', '+' or 0.
  char sign = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(NormalizeSource(source)) {}

  std::vector<Token> Run() {
    while (position_ < source_.size()) {
      const Tag tag = FindTag();
      if (tag.begin == kNowhere) {
        Data(position_, source_.size());
        position_ = source_.size();
        break;
      }
      DataBefore(tag.begin, tag.sign, /*strip_line=*/tag.kind != '{');
      position_ = tag.end;
      line_starting_ = source_[position_ - 1] == '\n';
      switch (tag.kind) {
        case '#':
          Comment();
          break;
        case 'r':
          Raw();
          break;
        case '%':
          Add(TokenKind::kBlockBegin, tag.begin);
          Expression(/*block=*/true);
          break;
        default:
          Add(TokenKind::kVariableBegin, tag.begin);
          Expression(/*block=*/false);
          break;
      }
    }
    Add(TokenKind::kEnd, source_.size());
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void Fail(size_t position, std::string message) {
    TemplateError error("TemplateSyntaxError", std::move(message));
    error.SetLineIfUnknown(LineAt(position));
    throw error;
  }

  // Positions only grow.
  int LineAt(size_t position) {
    while (counted_ < position && counted_ < source_.size()) {
      if (source_[counted_++] == '\n') ++line_;
    }
    return line_;
  }

  Token& Add(TokenKind kind, size_t position) {
    tokens_.emplace_back();
    tokens_.back().kind = kind;
    tokens_.back().line = LineAt(position);
    return tokens_.back();
  }

  void Data(size_t begin, size_t end) {
    if (begin < end) Add(TokenKind::kData, begin).text = source_.substr(begin, end - begin);
  }

  // The text up to a tag, without what the tag takes away from it.
  void DataBefore(size_t end, char sign, bool strip_line) {
    const std::string_view text = std::string_view(source_).substr(position_, end - position_);
    size_t size = text.size();
    if (sign == '-') {
      size = StripRightSpace(text);
    } else if (sign != '+' && strip_line) {
      const size_t newline = text.rfind('\n');
      const size_t line = newline == kNowhere ? 0 : newline + 1;
      if ((line > 0 || line_starting_) && IsAllSpace(text.substr(line))) size = line;
    }
    Data(position_, position_ + size);
  }

  size_t SkipSpace(size_t at) const {
    return at + StripLeftSpace(std::string_view(source_).substr(at));
  }

  bool StartsWith(size_t at, std::string_view text) const {
    return source_.compare(at, text.size(), text) == 0;
  }

  Tag FindTag() const {
    Tag tag;
    for (size_t at = source_.find('{', position_); at != kNowhere && at + 1 < source_.size();
         at = source_.find('{', at + 1)) {
      const char kind = source_[at + 1];
      if (kind != '{' && kind != '%' && kind != '#') continue;
      tag.begin = at;
      tag.kind = kind;
      tag.end = at + 2;
      if (tag.end < source_.size() && (source_[tag.end] == '-' || source_[tag.end] == '+')) {
        tag.sign = source_[tag.end++];
      }
      if (kind == '%') CheckRaw(tag);
      return tag;
    }
    return tag;
  }

  // Whether the block tag is {% raw %}.
  void CheckRaw(Tag& tag) const {
    size_t at = SkipSpace(tag.end);
    if (!StartsWith(at, "raw")) return;
    at = SkipSpace(at + 3);
    if (StartsWith(at, "-%}")) {
      tag.end = SkipSpace(at + 3);
    } else if (StartsWith(at, "%}")) {
      tag.end = at + 2;
    } else {
      return;
    }
    tag.kind = 'r';
  }

  // After the end of a block's or comment's tag whose sign is the character before `at`, where the
  // tag's own closing mark begins.
  size_t AfterEnd(size_t at, char sign) const {
    if (sign == '-') return SkipSpace(at + 2);
    const bool newline = sign != '+' && at + 2 < source_.size() && source_[at + 2] == '\n';
    return at + (newline ? 3 : 2);
  }

  void MoveTo(size_t position) {
    line_starting_ = position > 0 && source_[position - 1] == '\n';
    position_ = position;
  }

  void Comment() {
    if (position_ >= source_.size()) return;
    const size_t end = source_.find("#}", position_);
    if (end == kNowhere) Fail(position_, "Missing end of comment tag");
    MoveTo(AfterEnd(end, end > position_ ? source_[end - 1] : 0));
  }

  void Raw() {
    if (position_ >= source_.size()) return;
    for (size_t at = source_.find("{%", position_); at != kNowhere;
         at = source_.find("{%", at + 1)) {
      size_t word = at + 2;
      char sign = 0;
      if (word < source_.size() && (source_[word] == '-' || source_[word] == '+')) {
        sign = source_[word++];
      }
      word = SkipSpace(word);
      if (!StartsWith(word, "endraw")) continue;
      size_t end = SkipSpace(word + 6);
      char end_sign = 0;
      if (end < source_.size() && (source_[end] == '-' || source_[end] == '+')) {
        end_sign = source_[end++];
      }
      if (!StartsWith(end, "%}")) continue;
      DataBefore(at, sign, /*strip_line=*/true);
      MoveTo(AfterEnd(end, end_sign));
      return;
    }
    Fail(position_, "Missing end of raw directive");
  }

  // The tokens up to the end of a tag, or of the source.
  void Expression(bool block) {
    std::string expected_closers;
    while (position_ < source_.size()) {
      if (expected_closers.empty() && TagEnd(block)) return;
      const size_t after_space = SkipSpace(position_);
      if (after_space != position_) {
        MoveTo(after_space);
        continue;
      }
      const char c = source_[position_];
      if (IsDigit(c)) {
        Number();
      } else if (c == '\'' || c == '"') {
        String(c);
      } else if (!Name()) {
        Operator(expected_closers);
      }
    }
  }

  bool TagEnd(bool block) {
    const char first = source_[position_];
    const bool has_sign = first == '-' || (block && first == '+');
    const size_t mark = position_ + (has_sign ? 1 : 0);
    if (!StartsWith(mark, block ? "%}" : "}}")) return false;
    Add(block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, position_);
    if (block) {
      MoveTo(AfterEnd(mark, has_sign ? first : 0));
    } else {
      MoveTo(has_sign ? SkipSpace(mark + 2) : mark + 2);
    }
    return true;
  }

  // The end of digits with single underscores between them.
  size_t SkipDigits(size_t at) const {
    while (at < source_.size() &&
           (IsDigit(source_[at]) || (source_[at] == '_' && at + 1 < source_.size() &&
                                     IsDigit(source_[at + 1]) && IsDigit(source_[at - 1])))) {
      ++at;
    }
    return at;
  }

  bool DigitAt(size_t at) const { return at < source_.size() && IsDigit(source_[at]); }

  // The end of a float literal at the position, or the position.
  size_t FloatEnd() const {
    if (position_ > 0 && source_[position_ - 1] == '.') return position_;
    const size_t whole = SkipDigits(position_);
    size_t end = whole;
    if (end < source_.size() && source_[end] == '.' && DigitAt(end + 1)) end = SkipDigits(end + 1);
    if (end < source_.size() && (source_[end] | 32) == 'e') {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
        ++exponent;
      }
      if (DigitAt(exponent)) end = SkipDigits(exponent);
    }
    return end == whole ? position_ : end;
  }

  size_t IntegerEnd() const {
    const auto digits_of = [](char letter) -> std::string_view {
      switch (letter | 32) {
        case 'x':
          return "0123456789abcdefABCDEF";
        case 'o':
          return "01234567";
        case 'b':
          return "01";
        default:
          return "";
      }
    };
    const auto skip = [&](size_t at, std::string_view digits) {
      size_t end = at;
      while (end < source_.size()) {
        const size_t digit = source_[end] == '_' ? end + 1 : end;
        if (digit >= source_.size() || digits.find(source_[digit]) == kNowhere) break;
        end = digit + 1;
      }
      return end;
    };
    if (source_[position_] != '0') return skip(position_, "0123456789");
    if (position_ + 1 < source_.size()) {
      const size_t end = skip(position_ + 2, digits_of(source_[position_ + 1]));
      if (end > position_ + 2) return end;
    }
    return skip(position_, "0");
  }

  void Number() {
    const size_t float_end = FloatEnd();
    if (float_end != position_) {
      std::string digits = source_.substr(position_, float_end - position_);
      std::erase(digits, '_');
      Add(TokenKind::kFloat, position_).number = std::strtod(digits.c_str(), nullptr);
      MoveTo(float_end);
      return;
    }
    const size_t end = IntegerEnd();
    std::string digits = source_.substr(position_, end - position_);
    std::erase(digits, '_');
    try {
      Add(TokenKind::kInteger, position_).integer = ParseInteger(digits, 0).value_or(0);
    } catch (TemplateError& error) {
      error.SetLineIfUnknown(LineAt(position_));
      throw;
    }
    MoveTo(end);
  }

  bool Name() {
    size_t end = position_;
    bool valid = true;
    while (end < source_.size()) {
      const Character character = CharacterAt(source_, end);
      const char32_t c = character.code_point;
      const bool word =
          c < 0x80 ? (c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
                   : IsWordCharacter(c);
      if (!word) break;
      if (end == position_ && c >= 0x80 && IsNumeric(c)) valid = false;
      end = character.end;
    }
    if (end == position_) return false;
    if (!valid) Fail(position_, "Invalid character in identifier");
    Add(TokenKind::kName, position_).text = source_.substr(position_, end - position_);
    MoveTo(end);
    return true;
  }

  void String(char quote) {
    size_t end = position_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) UnexpectedCharacter();
    const std::string_view literal =
        std::string_view(source_).substr(position_ + 1, end - position_ - 1);
    std::string value;
    try {
      value = UnescapeLiteral(literal);
    } catch (TemplateError& error) {
      error.SetLineIfUnknown(LineAt(position_));
      throw;
    }
    Add(TokenKind::kString, position_).text = std::move(value);
    MoveTo(end + 1);
  }

  void Operator(std::string& expected_closers) {
    constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
    const auto two = std::find_if(std::begin(kTwo), std::end(kTwo), [&](std::string_view symbol) {
      return StartsWith(position_, symbol);
    });
    const char c = source_[position_];
    if (two == std::end(kTwo) && kOne.find(c) == kNowhere) UnexpectedCharacter();
    const size_t size = two == std::end(kTwo) ? 1 : 2;
    if (size == 1) {
      if (c == '{') expected_closers.push_back('}');
      if (c == '(') expected_closers.push_back(')');
      if (c == '[') expected_closers.push_back(']');
      if (c == '}' || c == ')' || c == ']') {
        if (expected_closers.empty()) {
          Fail(position_, StrCat("unexpected '", std::string(1, c), "'"));
        }
        if (expected_closers.back() != c) {
          Fail(position_, StrCat("unexpected '", std::string(1, c), "', expected '",
                                 std::string(1, expected_closers.back()), "'"));
        }
        expected_closers.pop_back();
      }
    }
    Add(TokenKind::kOperator, position_).text = source_.substr(position_, size);
    MoveTo(position_ + size);
  }

  [[noreturn]] void UnexpectedCharacter() {
    const Character character = CharacterAt(source_, position_);
    const std::string_view before = std::string_view(source_).substr(0, position_);
    const std::string shown = source_.substr(character.begin, character.end - character.begin);
    const std::string quote = shown == "'" ? "\"" : "'";
    Fail(position_,
         StrCat("unexpected char ", quote, shown, quote, " at ", CountCodePoints(before)));
  }

  const std::string source_;
  size_t position_ = 0;
  size_t counted_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace firstlight::jinja
