#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_EXPRESSION_PARSER_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_EXPRESSION_PARSER_H_

// The half of the parser that reads expressions; parser.cc has the statements.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/chat/jinja/lexer.h"
#include "engine/chat/jinja/syntax.h"

namespace firstlight::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, SyntaxTree& tree);

  // The tokens.
  const Token& Current() const { return tokens_[position_]; }
  const Token& Next() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }
  // Moves on and returns what was current; the end stays current.
  const Token& Advance();
  bool At(TokenKind kind) const { return Current().kind == kind; }
  bool AtName(std::string_view name) const {
    return At(TokenKind::kName) && Current().text == name;
  }
  bool AtOperator(std::string_view symbol) const {
    return At(TokenKind::kOperator) && Current().text == symbol;
  }
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view symbol);
  const Token& Expect(TokenKind kind);
  void ExpectName(std::string_view name);
  void ExpectOperator(std::string_view symbol);
  [[noreturn]] void Fail(std::string message, int line) const;
  [[noreturn]] void Fail(std::string message) const { Fail(std::move(message), Current().line); }
  // What messages call a token.
  static std::string Describe(const Token& token);
  static std::string_view Describe(TokenKind kind);

  // Expressions.
  Expression* ParseExpression(bool with_conditional = true);
  // An expression, or a tuple of them without parentheses, up to the end of the tag or to
  // `end_name`.
  Expression* ParseTuple(bool with_conditional = true, std::string_view end_name = "");
  // What can be assigned to. `with_tuple` and `with_namespace` allow a, b and ns.a.
  Expression* ParseTarget(std::string_view end_name, bool with_namespace);
  // The filters that follow; `start_inline` reads the first without its bar.
  Expression* ParseFilters(Expression* value, bool start_inline);

  // A new node below which are `children`.
  Expression* Make(ExpressionKind kind, int line, std::vector<Expression*> children = {});
  // The index of a constant text.
  size_t Constant(std::string text);
  void CountNode();

  // Bounds the depth of the parser's own recursion.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    ExpressionParser& parser_;
  };

 private:
  Expression* ParseConditional();
  Expression* ParseOr();
  Expression* ParseAnd();
  Expression* ParseNot();
  Expression* ParseComparison();
  Expression* ParseSum();
  Expression* ParseConcatenation();
  Expression* ParseProduct();
  Expression* ParsePower();
  Expression* ParseUnary(bool with_filter = true);
  Expression* ParsePrimary(bool with_namespace = false);
  Expression* ParseName(bool with_namespace);
  Expression* ParseTupleOf(bool targets, bool with_conditional, bool with_namespace,
                           std::string_view end_name, bool parenthesized);
  Expression* ParseList();
  Expression* ParseDict();
  Expression* ParsePostfix(Expression* value);
  Expression* ParseFilterExpression(Expression* value);
  Expression* ParseSubscript(Expression* value);
  Expression* ParseSubscribed(Expression* value);
  Expression* ParseCall(Expression* callee);
  Expression* ParseTest(Expression* value);
  void ParseArguments(Expression& call);
  void Raise(Expression& node, const Expression* child);
  bool AtTupleEnd(std::string_view end_name) const;
  std::string DottedName();

  std::vector<Token> tokens_;
  size_t position_ = 0;
  SyntaxTree& tree_;
  int depth_ = 0;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_EXPRESSION_PARSER_H_
