#include "engine/chat/jinja/string_literal.h"

#include <cstddef>

#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/text.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

[[noreturn]] void SyntaxError(std::string message) {
  throw TemplateError("TemplateSyntaxError", std::move(message));
}

class Unescaper {
 public:
  explicit Unescaper(std::string_view literal) : literal_(literal) {}

  std::string Run() {
    while (position_ < literal_.size()) {
      const char c = literal_[position_++];
      if (c != '\\') {
        out_.push_back(c);
      } else {
        Escape();
      }
    }
    return std::move(out_);
  }

 private:
  void Escape() {
    if (position_ >= literal_.size()) SyntaxError("\\ at end of string");
    const char c = literal_[position_];
    if (static_cast<unsigned char>(c) >= 0x80) {
      BeforeNonAscii();
      return;
    }
    ++position_;
    constexpr std::string_view kLetters = "\\'\"abfnrtv";
    constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      out_.push_back(kMeanings[letter]);
      return;
    }
    switch (c) {
      case '\n':
        return;
      case 'x':
        Hex(2, "truncated \\xXX escape");
        return;
      case 'u':
        Hex(4, "truncated \\uXXXX escape");
        return;
      case 'U':
        Hex(8, "truncated \\UXXXXXXXX escape");
        return;
      case 'N':
        throw TemplateError::Unimplemented("the escape \\N{...} is not implemented");
      default:
        break;
    }
    if (c >= '0' && c <= '7') {
      Octal(c);
      return;
    }
    // Python leaves what it does not know as it is.
    out_.push_back('\\');
    out_.push_back(c);
  }

  // jinja2 writes such a character as an escape of its own before it reads escapes, whose backslash
  // this one then escapes.
  void BeforeNonAscii() {
    const Character character = CharacterAt(literal_, position_);
    position_ = character.end;
    const char32_t code = character.code_point;
    const int digits = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;
    out_.push_back('\\');
    out_.push_back(digits == 2 ? 'x' : digits == 4 ? 'u' : 'U');
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
      out_.push_back("0123456789abcdef"[(code >> shift) & 0xF]);
    }
  }

  void Hex(size_t digits, const char* truncated) {
    uint32_t code_point = 0;
    for (size_t i = 0; i < digits; ++i) {
      const int digit = position_ < literal_.size() ? HexDigit(literal_[position_]) : -1;
      if (digit < 0) SyntaxError(truncated);
      code_point = code_point * 16 + static_cast<uint32_t>(digit);
      ++position_;
    }
    constexpr uint32_t kLimit = 0x110000;
    if (code_point >= kLimit) SyntaxError("illegal Unicode character");
    if (code_point >= 0xD800 && code_point < 0xE000) {
      throw TemplateError::Unimplemented("surrogates in strings are not implemented");
    }
    AppendUtf8(code_point, out_);
  }

  void Octal(char first) {
    auto code_point = static_cast<uint32_t>(first - '0');
    for (int i = 0; i < 2 && position_ < literal_.size() && literal_[position_] >= '0' &&
                    literal_[position_] <= '7';
         ++i) {
      code_point = code_point * 8 + static_cast<uint32_t>(literal_[position_++] - '0');
    }
    AppendUtf8(code_point, out_);
  }

  const std::string_view literal_;
  size_t position_ = 0;
  std::string out_;
};

}  // namespace

std::string NormalizeNewlines(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      result.push_back(text[i]);
      continue;
    }
    result.push_back('\n');
    if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  return result;
}

std::string UnescapeLiteral(std::string_view literal) { return Unescaper(literal).Run(); }

}  // namespace firstlight::jinja
