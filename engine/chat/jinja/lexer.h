#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_LEXER_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_LEXER_H_

// A template's source as tokens, by the rules of jinja2 with trim_blocks and lstrip_blocks on: a
// newline after a block's tag and the spaces before it on its line are not text. Comments are gone,
// raw blocks are text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight::jinja {

enum class TokenKind : uint8_t {
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  // The text is the operator.
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  // A string's value, a name, template text, an operator.
  std::string text{};
  int64_t integer = 0;
  double number = 0;
};

// Ends with kEnd. Throws TemplateError.
std::vector<Token> Tokenize(std::string_view source);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_LEXER_H_
