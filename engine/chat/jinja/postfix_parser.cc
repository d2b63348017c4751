// What stands behind a value: attributes, items, calls, filters, tests.

#include <string>
#include <utility>
#include <vector>

#include "engine/chat/jinja/expression_parser.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

Expression* ExpressionParser::ParsePostfix(Expression* value) {
  while (true) {
    if (AtOperator(".") || AtOperator("[")) {
      value = ParseSubscript(value);
    } else if (AtOperator("(")) {
      value = ParseCall(value);
    } else {
      return value;
    }
  }
}

Expression* ExpressionParser::ParseFilterExpression(Expression* value) {
  while (true) {
    if (AtOperator("|")) {
      value = ParseFilters(value, /*start_inline=*/false);
    } else if (AtName("is")) {
      value = ParseTest(value);
    } else if (AtOperator("(")) {
      value = ParseCall(value);
    } else {
      return value;
    }
  }
}

Expression* ExpressionParser::ParseSubscript(Expression* value) {
  const int line = Current().line;
  if (Advance().text == ".") {
    const Token& attribute = Advance();
    if (attribute.kind == TokenKind::kName) {
      Expression* const node = Make(ExpressionKind::kAttribute, line, {value});
      node->text = attribute.text;
      node->constant = Constant(attribute.text);
      return node;
    }
    if (attribute.kind != TokenKind::kInteger) {
      Fail("expected name or number", attribute.line);
    }
    Expression* const index = Make(ExpressionKind::kInteger, attribute.line);
    index->integer = attribute.integer;
    return Make(ExpressionKind::kItem, line, {value, index});
  }
  std::vector<Expression*> keys;
  bool slice = false;
  while (!AtOperator("]")) {
    if (!keys.empty()) ExpectOperator(",");
    keys.push_back(ParseSubscribed(value));
    // A slice of this value, and not an expression that is a slice of something else.
    slice =
        slice || (keys.back()->kind == ExpressionKind::kSlice && keys.back()->operands[0] == value);
  }
  ExpectOperator("]");
  if (keys.size() == 1) {
    if (slice) return keys[0];
    return Make(ExpressionKind::kItem, line, {value, keys[0]});
  }
  if (slice) Fail("invalid syntax", line);
  Expression* const tuple = Make(ExpressionKind::kTuple, line, std::move(keys));
  return Make(ExpressionKind::kItem, line, {value, tuple});
}

Expression* ExpressionParser::ParseSubscribed(Expression* value) {
  const int line = Current().line;
  Expression* start = nullptr;
  if (!SkipOperator(":")) {
    start = ParseExpression();
    if (!SkipOperator(":")) return start;
  }
  const auto at_end = [this] { return AtOperator("]") || AtOperator(","); };
  Expression* const stop = AtOperator(":") || at_end() ? nullptr : ParseExpression();
  Expression* step = nullptr;
  if (SkipOperator(":") && !at_end()) step = ParseExpression();
  return Make(ExpressionKind::kSlice, line, {value, start, stop, step});
}

void ExpressionParser::ParseArguments(Expression& call) {
  const int line = Current().line;
  ExpectOperator("(");
  const auto ensure = [&](bool allowed) {
    if (!allowed) Fail("invalid syntax for function call expression", line);
  };
  bool require_comma = false;
  while (!AtOperator(")")) {
    if (require_comma) {
      ExpectOperator(",");
      if (AtOperator(")")) break;
    }
    if (SkipOperator("*")) {
      ensure(call.star == nullptr && call.double_star == nullptr);
      call.star = ParseExpression();
      Raise(call, call.star);
    } else if (SkipOperator("**")) {
      ensure(call.double_star == nullptr);
      call.double_star = ParseExpression();
      Raise(call, call.double_star);
    } else if (At(TokenKind::kName) && Next().kind == TokenKind::kOperator && Next().text == "=") {
      ensure(call.double_star == nullptr);
      std::string name = Advance().text;
      Advance();
      Expression* const value = ParseExpression();
      Raise(call, value);
      call.keywords.emplace_back(std::move(name), value);
    } else {
      ensure(call.star == nullptr && call.double_star == nullptr && call.keywords.empty());
      call.positional.push_back(ParseExpression());
      Raise(call, call.positional.back());
    }
    require_comma = true;
  }
  ExpectOperator(")");
}

Expression* ExpressionParser::ParseCall(Expression* callee) {
  Expression* const node = Make(ExpressionKind::kCall, Current().line, {callee});
  ParseArguments(*node);
  for (size_t i = 0; i < node->keywords.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (node->keywords[i].first == node->keywords[j].first) {
        throw TemplateError("SyntaxError",
                            StrCat("keyword argument repeated: ", node->keywords[i].first));
      }
    }
    constexpr size_t kMostKeywords = 1000;
    if (i > kMostKeywords) throw TemplateError::Limit("a call has too many keyword arguments");
  }
  return node;
}

std::string ExpressionParser::DottedName() {
  std::string name = Expect(TokenKind::kName).text;
  while (SkipOperator(".")) StrAppend(&name, ".", Expect(TokenKind::kName).text);
  return name;
}

Expression* ExpressionParser::ParseFilters(Expression* value, bool start_inline) {
  while (start_inline || AtOperator("|")) {
    if (!start_inline) Advance();
    start_inline = false;
    Expression* const node = Make(ExpressionKind::kFilter, Current().line, {value});
    node->text = DottedName();
    if (AtOperator("(")) ParseArguments(*node);
    value = node;
  }
  return value;
}

Expression* ExpressionParser::ParseTest(Expression* value) {
  const Nesting nesting(*this);
  const int line = Advance().line;
  const bool negated = SkipName("not");
  Expression* const node = Make(ExpressionKind::kTest, line, {value});
  node->text = DottedName();
  const bool argument_follows = At(TokenKind::kName) || At(TokenKind::kString) ||
                                At(TokenKind::kInteger) || At(TokenKind::kFloat) ||
                                AtOperator("[") || AtOperator("{");
  if (AtOperator("(")) {
    ParseArguments(*node);
  } else if (argument_follows && !AtName("else") && !AtName("or") && !AtName("and")) {
    if (AtName("is")) Fail("You cannot chain multiple tests with is");
    node->positional.push_back(ParsePostfix(ParsePrimary()));
    Raise(*node, node->positional.back());
  }
  return negated ? Make(ExpressionKind::kNot, line, {node}) : node;
}

}  // namespace firstlight::jinja
