#include "engine/chat/jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// Of the tree, and of the parser's recursion. jinja2 gives up at about the same depth.
constexpr int kMaxHeight = 200;
constexpr size_t kMaxNodes = 500'000;

bool IsConstantName(std::string_view name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
         name == "None";
}

}  // namespace

ExpressionParser::ExpressionParser(std::vector<Token> tokens, SyntaxTree& tree)
    : tokens_(std::move(tokens)), tree_(tree) {}

ExpressionParser::Nesting::Nesting(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.depth_ > kMaxHeight) {
    --parser_.depth_;
    TemplateError error = TemplateError::Limit("the template is nested too deeply");
    error.SetLineIfUnknown(parser_.Current().line);
    throw error;
  }
}

const Token& ExpressionParser::Advance() {
  const Token& token = tokens_[position_];
  if (position_ + 1 < tokens_.size()) ++position_;
  return token;
}

bool ExpressionParser::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Advance();
  return true;
}

bool ExpressionParser::SkipOperator(std::string_view symbol) {
  if (!AtOperator(symbol)) return false;
  Advance();
  return true;
}

std::string_view ExpressionParser::Describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::kData:
      return "template data / text";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kVariableBegin:
      return "begin of print statement";
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kName:
      return "name";
    case TokenKind::kString:
      return "string";
    case TokenKind::kInteger:
      return "integer";
    case TokenKind::kFloat:
      return "float";
    case TokenKind::kOperator:
      return "operator";
    case TokenKind::kEnd:
      return "end of template";
  }
  return "token";
}

std::string ExpressionParser::Describe(const Token& token) {
  if (token.kind == TokenKind::kName || token.kind == TokenKind::kOperator) return token.text;
  return std::string(Describe(token.kind));
}

void ExpressionParser::Fail(std::string message, int line) const {
  TemplateError error("TemplateSyntaxError", std::move(message));
  error.SetLineIfUnknown(line);
  throw error;
}

const Token& ExpressionParser::Expect(TokenKind kind) {
  if (At(kind)) return Advance();
  if (At(TokenKind::kEnd)) {
    Fail(StrCat("unexpected end of template, expected '", Describe(kind), "'."));
  }
  Fail(StrCat("expected token '", Describe(kind), "', got '", Describe(Current()), "'"));
}

void ExpressionParser::ExpectName(std::string_view name) {
  if (SkipName(name)) return;
  if (At(TokenKind::kEnd)) {
    Fail(StrCat("unexpected end of template, expected '", name, "'."));
  }
  Fail(StrCat("expected token '", name, "', got '", Describe(Current()), "'"));
}

void ExpressionParser::ExpectOperator(std::string_view symbol) {
  if (SkipOperator(symbol)) return;
  if (At(TokenKind::kEnd)) {
    Fail(StrCat("unexpected end of template, expected '", symbol, "'."));
  }
  Fail(StrCat("expected token '", symbol, "', got '", Describe(Current()), "'"));
}

void ExpressionParser::CountNode() {
  if (tree_.expressions.size() + tree_.statements.size() >= kMaxNodes) {
    throw TemplateError::Limit("the template has too many parts");
  }
}

void ExpressionParser::Raise(Expression& node, const Expression* child) {
  if (child == nullptr) return;
  node.height = std::max(node.height, child->height + 1);
  if (node.height > kMaxHeight) {
    TemplateError error = TemplateError::Limit("the template is nested too deeply");
    error.SetLineIfUnknown(node.line);
    throw error;
  }
}

Expression* ExpressionParser::Make(ExpressionKind kind, int line,
                                   std::vector<Expression*> children) {
  CountNode();
  Expression& node = tree_.expressions.emplace_back();
  node.kind = kind;
  node.line = line;
  node.operands = std::move(children);
  for (const Expression* child : node.operands) Raise(node, child);
  return &node;
}

size_t ExpressionParser::Constant(std::string text) {
  tree_.constants.push_back(std::move(text));
  return tree_.constants.size() - 1;
}

Expression* ExpressionParser::ParseExpression(bool with_conditional) {
  const Nesting nesting(*this);
  return with_conditional ? ParseConditional() : ParseOr();
}

Expression* ExpressionParser::ParseConditional() {
  const Nesting nesting(*this);
  int line = Current().line;
  Expression* value = ParseOr();
  while (SkipName("if")) {
    std::vector<Expression*> parts = {ParseOr(), value};
    if (SkipName("else")) parts.push_back(ParseConditional());
    value = Make(ExpressionKind::kConditional, line, std::move(parts));
    line = Current().line;
  }
  return value;
}

Expression* ExpressionParser::ParseOr() {
  int line = Current().line;
  Expression* left = ParseAnd();
  while (SkipName("or")) {
    left = Make(ExpressionKind::kOr, line, {left, ParseAnd()});
    line = Current().line;
  }
  return left;
}

Expression* ExpressionParser::ParseAnd() {
  int line = Current().line;
  Expression* left = ParseNot();
  while (SkipName("and")) {
    left = Make(ExpressionKind::kAnd, line, {left, ParseNot()});
    line = Current().line;
  }
  return left;
}

Expression* ExpressionParser::ParseNot() {
  if (!AtName("not")) return ParseComparison();
  const Nesting nesting(*this);
  const int line = Advance().line;
  return Make(ExpressionKind::kNot, line, {ParseNot()});
}

Expression* ExpressionParser::ParseComparison() {
  const int line = Current().line;
  Expression* const first = ParseSum();
  std::vector<Expression*> operands = {first};
  std::vector<Comparison> comparisons;
  constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
      {"==", Comparison::kEqual},  {"!=", Comparison::kNotEqual},
      {"<", Comparison::kLess},    {"<=", Comparison::kLessOrEqual},
      {">", Comparison::kGreater}, {">=", Comparison::kGreaterOrEqual},
  };
  while (true) {
    const auto* const symbol =
        std::find_if(std::begin(kSymbols), std::end(kSymbols),
                     [&](const auto& candidate) { return AtOperator(candidate.first); });
    if (symbol != std::end(kSymbols)) {
      Advance();
      comparisons.push_back(symbol->second);
    } else if (SkipName("in")) {
      comparisons.push_back(Comparison::kIn);
    } else if (AtName("not") && Next().kind == TokenKind::kName && Next().text == "in") {
      Advance();
      Advance();
      comparisons.push_back(Comparison::kNotIn);
    } else {
      break;
    }
    operands.push_back(ParseSum());
  }
  if (comparisons.empty()) return first;
  Expression* const node = Make(ExpressionKind::kComparison, line, std::move(operands));
  node->comparisons = std::move(comparisons);
  return node;
}

Expression* ExpressionParser::ParseSum() {
  int line = Current().line;
  Expression* left = ParseConcatenation();
  while (AtOperator("+") || AtOperator("-")) {
    const BinaryOperator op =
        Advance().text == "+" ? BinaryOperator::kAdd : BinaryOperator::kSubtract;
    left = Make(ExpressionKind::kBinary, line, {left, ParseConcatenation()});
    left->binary = op;
    line = Current().line;
  }
  return left;
}

Expression* ExpressionParser::ParseConcatenation() {
  const int line = Current().line;
  std::vector<Expression*> parts = {ParseProduct()};
  while (SkipOperator("~")) parts.push_back(ParseProduct());
  if (parts.size() == 1) return parts[0];
  return Make(ExpressionKind::kConcatenation, line, std::move(parts));
}

Expression* ExpressionParser::ParseProduct() {
  int line = Current().line;
  Expression* left = ParsePower();
  constexpr std::pair<std::string_view, BinaryOperator> kSymbols[] = {
      {"*", BinaryOperator::kMultiply},
      {"/", BinaryOperator::kDivide},
      {"//", BinaryOperator::kFloorDivide},
      {"%", BinaryOperator::kModulo},
  };
  while (true) {
    const auto* const symbol =
        std::find_if(std::begin(kSymbols), std::end(kSymbols),
                     [&](const auto& candidate) { return AtOperator(candidate.first); });
    if (symbol == std::end(kSymbols)) return left;
    Advance();
    left = Make(ExpressionKind::kBinary, line, {left, ParsePower()});
    left->binary = symbol->second;
    line = Current().line;
  }
}

Expression* ExpressionParser::ParsePower() {
  int line = Current().line;
  Expression* left = ParseUnary();
  while (SkipOperator("**")) {
    left = Make(ExpressionKind::kBinary, line, {left, ParseUnary()});
    left->binary = BinaryOperator::kPower;
    line = Current().line;
  }
  return left;
}

Expression* ExpressionParser::ParseUnary(bool with_filter) {
  const Nesting nesting(*this);
  const int line = Current().line;
  Expression* value = nullptr;
  if (SkipOperator("-")) {
    value = Make(ExpressionKind::kNegative, line, {ParseUnary(false)});
  } else if (SkipOperator("+")) {
    value = Make(ExpressionKind::kPositive, line, {ParseUnary(false)});
  } else {
    value = ParsePrimary();
  }
  value = ParsePostfix(value);
  return with_filter ? ParseFilterExpression(value) : value;
}

Expression* ExpressionParser::ParseName(bool with_namespace) {
  const Token& token = Advance();
  if (IsConstantName(token.text)) {
    const bool none = token.text[0] == 'n' || token.text[0] == 'N';
    Expression* const node = Make(none ? ExpressionKind::kNone : ExpressionKind::kBool, token.line);
    node->integer = token.text == "true" || token.text == "True" ? 1 : 0;
    return node;
  }
  if (with_namespace && SkipOperator(".")) {
    Expression* const node = Make(ExpressionKind::kNamespaceTarget, token.line);
    node->text = token.text;
    node->attribute = Expect(TokenKind::kName).text;
    node->constant = Constant(node->attribute);
    return node;
  }
  Expression* const node = Make(ExpressionKind::kName, token.line);
  node->text = token.text;
  node->constant = Constant(node->text);
  return node;
}

Expression* ExpressionParser::ParsePrimary(bool with_namespace) {
  const Token& token = Current();
  switch (token.kind) {
    case TokenKind::kName:
      return ParseName(with_namespace);
    case TokenKind::kString: {
      std::string text;
      while (At(TokenKind::kString)) text.append(Advance().text);
      Expression* const node = Make(ExpressionKind::kString, token.line);
      node->constant = Constant(std::move(text));
      return node;
    }
    case TokenKind::kInteger: {
      Advance();
      Expression* const node = Make(ExpressionKind::kInteger, token.line);
      node->integer = token.integer;
      return node;
    }
    case TokenKind::kFloat: {
      Advance();
      Expression* const node = Make(ExpressionKind::kFloat, token.line);
      node->number = token.number;
      return node;
    }
    default:
      break;
  }
  if (SkipOperator("(")) {
    Expression* const node = ParseTupleOf(false, true, false, "", /*parenthesized=*/true);
    ExpectOperator(")");
    return node;
  }
  if (AtOperator("[")) return ParseList();
  if (AtOperator("{")) return ParseDict();
  Fail(StrCat("unexpected '", Describe(token), "'"), token.line);
}

bool ExpressionParser::AtTupleEnd(std::string_view end_name) const {
  return At(TokenKind::kVariableEnd) || At(TokenKind::kBlockEnd) || AtOperator(")") ||
         (!end_name.empty() && AtName(end_name));
}

Expression* ExpressionParser::ParseTupleOf(bool targets, bool with_conditional, bool with_namespace,
                                           std::string_view end_name, bool parenthesized) {
  const Nesting nesting(*this);
  int line = Current().line;
  std::vector<Expression*> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) ExpectOperator(",");
    if (AtTupleEnd(end_name)) break;
    items.push_back(targets ? ParsePrimary(with_namespace) : ParseExpression(with_conditional));
    if (!AtOperator(",")) break;
    is_tuple = true;
    line = Current().line;
  }
  if (!is_tuple) {
    if (!items.empty()) return items[0];
    if (!parenthesized) {
      Fail(StrCat("Expected an expression, got '", Describe(Current()), "'"));
    }
  }
  return Make(ExpressionKind::kTuple, line, std::move(items));
}

Expression* ExpressionParser::ParseTuple(bool with_conditional, std::string_view end_name) {
  return ParseTupleOf(false, with_conditional, false, end_name, /*parenthesized=*/false);
}

namespace {

bool IsTarget(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kName:
    case ExpressionKind::kNamespaceTarget:
      return true;
    case ExpressionKind::kTuple:
      return std::all_of(expression.operands.begin(), expression.operands.end(),
                         [](const Expression* item) { return IsTarget(*item); });
    default:
      return false;
  }
}

std::string_view NodeName(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kNone:
    case ExpressionKind::kBool:
    case ExpressionKind::kInteger:
    case ExpressionKind::kFloat:
    case ExpressionKind::kString:
      return "const";
    case ExpressionKind::kTuple:
      return "tuple";
    case ExpressionKind::kList:
      return "list";
    case ExpressionKind::kDict:
      return "dict";
    default:
      return "expression";
  }
}

}  // namespace

Expression* ExpressionParser::ParseTarget(std::string_view end_name, bool with_namespace) {
  Expression* const target = ParseTupleOf(true, true, with_namespace, end_name, false);
  if (!IsTarget(*target)) {
    Fail(StrCat("can't assign to '", NodeName(target->kind), "'"), target->line);
  }
  return target;
}

Expression* ExpressionParser::ParseList() {
  const int line = Advance().line;
  std::vector<Expression*> items;
  while (!AtOperator("]")) {
    if (!items.empty()) ExpectOperator(",");
    if (AtOperator("]")) break;
    items.push_back(ParseExpression());
  }
  ExpectOperator("]");
  return Make(ExpressionKind::kList, line, std::move(items));
}

Expression* ExpressionParser::ParseDict() {
  const int line = Advance().line;
  std::vector<Expression*> items;
  while (!AtOperator("}")) {
    if (!items.empty()) ExpectOperator(",");
    if (AtOperator("}")) break;
    items.push_back(ParseExpression());
    ExpectOperator(":");
    items.push_back(ParseExpression());
  }
  ExpectOperator("}");
  return Make(ExpressionKind::kDict, line, std::move(items));
}

}  // namespace firstlight::jinja
