#include "engine/chat/jinja/parser.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/chat/jinja/expression_parser.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

using Names = std::vector<std::string_view>;
using Body = std::vector<Statement*>;

std::string Alternatives(const Names& names) {
  std::string result;
  for (const std::string_view name : names) {
    StrAppend(&result, result.empty() ? "'" : " or '", name, "'");
  }
  return result;
}

class StatementParser {
 public:
  explicit StatementParser(SyntaxTree& tree, std::string_view source)
      : tree_(tree), tokens_(Tokenize(source), tree) {}

  void Run() { tree_.body = ParseUntil(nullptr); }

 private:
  Statement* Make(StatementKind kind, int line) {
    tokens_.CountNode();
    Statement& statement = tree_.statements.emplace_back();
    statement.kind = kind;
    statement.line = line;
    return &statement;
  }

  // Statements up to one of the tags `ends` (null: the template's end), at whose name the tokens
  // then are.
  Body ParseUntil(const Names* ends) {
    const ExpressionParser::Nesting nesting(tokens_);
    if (ends != nullptr) end_names_.push_back(*ends);
    Body body;
    while (!tokens_.At(TokenKind::kEnd)) {
      const Token& token = tokens_.Advance();
      if (token.kind == TokenKind::kData) {
        Statement* const data = Make(StatementKind::kData, token.line);
        data->constant = tokens_.Constant(token.text);
        body.push_back(data);
      } else if (token.kind == TokenKind::kVariableBegin) {
        Statement* const output = Make(StatementKind::kOutput, token.line);
        output->expressions.push_back(tokens_.ParseTuple());
        output->line = output->expressions[0]->line;
        tokens_.Expect(TokenKind::kVariableEnd);
        body.push_back(output);
      } else {
        if (ends != nullptr && tokens_.At(TokenKind::kName) &&
            std::find(ends->begin(), ends->end(), tokens_.Current().text) != ends->end()) {
          break;
        }
        if (Statement* const statement = ParseStatement()) body.push_back(statement);
        tokens_.Expect(TokenKind::kBlockEnd);
      }
    }
    if (ends != nullptr) {
      if (tokens_.At(TokenKind::kEnd)) FailUnknownTag("");
      end_names_.pop_back();
    }
    return body;
  }

  // The body of a tag, from the tag's own end on. The tokens are then at the name that ends it, or
  // after it.
  Body ParseBody(const Names& ends, bool drop_end) {
    tokens_.SkipOperator(":");
    tokens_.Expect(TokenKind::kBlockEnd);
    Body body = ParseUntil(&ends);
    if (drop_end) tokens_.Advance();
    return body;
  }

  // `name` is empty at the end of the template.
  [[noreturn]] void FailUnknownTag(std::string_view name) {
    std::string message = name.empty() ? "Unexpected end of template."
                                       : StrCat("Encountered unknown tag '", name, "'.");
    if (!end_names_.empty()) {
      const std::string looking_for = Alternatives(end_names_.back());
      const bool expected_outside =
          std::any_of(end_names_.begin(), end_names_.end(), [&](const Names& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
          });
      if (expected_outside) {
        StrAppend(
            &message,
            " You probably made a nesting mistake. Jinja is expecting this tag, but currently "
            "looking for ",
            looking_for, ".");
      } else {
        StrAppend(&message, " Jinja was looking for the following tags: ", looking_for, ".");
      }
    }
    if (!tags_.empty()) {
      StrAppend(&message, " The innermost block that needs to be closed is '", tags_.back(), "'.");
    }
    tokens_.Fail(std::move(message));
  }

  Statement* ParseStatement() {
    const Token& token = tokens_.Current();
    if (token.kind != TokenKind::kName) tokens_.Fail("tag name expected");
    const std::string& name = token.text;
    using Parse = Statement* (StatementParser::*)(int);
    constexpr std::pair<std::string_view, Parse> kTags[] = {
        {"for", &StatementParser::ParseFor},
        {"if", &StatementParser::ParseIf},
        {"set", &StatementParser::ParseSet},
        {"macro", &StatementParser::ParseMacro},
        {"call", &StatementParser::ParseCallBlock},
        {"filter", &StatementParser::ParseFilterBlock},
        {"with", &StatementParser::ParseWith},
        {"block", &StatementParser::ParseBlock},
        {"print", &StatementParser::ParsePrint},
        {"generation", &StatementParser::ParseGeneration},
        {"autoescape", &StatementParser::ParseAutoescape},
        {"break", &StatementParser::ParseLoopControl},
        {"continue", &StatementParser::ParseLoopControl},
        {"include", &StatementParser::Refuse},
        {"import", &StatementParser::Refuse},
        {"from", &StatementParser::Refuse},
        {"extends", &StatementParser::Refuse},
    };
    const auto* const tag =
        std::find_if(std::begin(kTags), std::end(kTags),
                     [&](const auto& candidate) { return candidate.first == name; });
    if (tag == std::end(kTags)) FailUnknownTag(name);
    tags_.push_back(name);
    const int line = tokens_.Current().line;
    if (tag->first != "break" && tag->first != "continue") tokens_.Advance();
    Statement* const statement = (this->*tag->second)(line);
    tags_.pop_back();
    return statement;
  }

  Statement* Refuse(int line) {
    TemplateError error = TemplateError::Unimplemented(
        StrCat("the tag \"", tags_.back(), "\" is not implemented: a chat template is one file"));
    error.SetLineIfUnknown(line);
    throw error;
  }

  Statement* ParseSet(int line) {
    Statement* const statement = Make(StatementKind::kSet, line);
    statement->targets.push_back(tokens_.ParseTarget("", /*with_namespace=*/true));
    if (tokens_.SkipOperator("=")) {
      statement->expressions.push_back(tokens_.ParseTuple());
      return statement;
    }
    statement->kind = StatementKind::kSetBlock;
    if (Expression* const filter = tokens_.ParseFilters(nullptr, /*start_inline=*/false)) {
      statement->expressions.push_back(filter);
    }
    statement->body = ParseBody({"endset"}, /*drop_end=*/true);
    return statement;
  }

  Statement* ParseFor(int line) {
    Statement* const statement = Make(StatementKind::kFor, line);
    statement->targets.push_back(tokens_.ParseTarget("in", /*with_namespace=*/false));
    tokens_.ExpectName("in");
    statement->expressions.push_back(tokens_.ParseTuple(/*with_conditional=*/false, "recursive"));
    if (tokens_.SkipName("if")) statement->condition = tokens_.ParseExpression();
    statement->recursive = tokens_.SkipName("recursive");
    ++loops_;
    statement->body = ParseBody({"endfor", "else"}, /*drop_end=*/false);
    --loops_;
    if (tokens_.Advance().text == "else") {
      statement->else_body = ParseBody({"endfor"}, /*drop_end=*/true);
    }
    return statement;
  }

  Statement* ParseIf(int line) {
    Statement* const statement = Make(StatementKind::kIf, line);
    while (true) {
      Branch branch;
      branch.condition = tokens_.ParseTuple(/*with_conditional=*/false);
      branch.body = ParseBody({"elif", "else", "endif"}, /*drop_end=*/false);
      statement->branches.push_back(std::move(branch));
      const std::string& end = tokens_.Advance().text;
      if (end == "elif") continue;
      if (end == "else") {
        statement->branches.push_back({.body = ParseBody({"endif"}, /*drop_end=*/true)});
      }
      return statement;
    }
  }

  void ParseParameters(Statement& statement) {
    tokens_.ExpectOperator("(");
    while (!tokens_.AtOperator(")")) {
      if (!statement.parameters.empty()) tokens_.ExpectOperator(",");
      Parameter parameter;
      parameter.name = TargetName();
      if (tokens_.SkipOperator("=")) {
        parameter.default_value = tokens_.ParseExpression();
      } else if (!statement.parameters.empty() &&
                 statement.parameters.back().default_value != nullptr) {
        tokens_.Fail("non-default argument follows default argument");
      }
      for (const Parameter& other : statement.parameters) {
        if (other.name == parameter.name) {
          throw TemplateError("SyntaxError", StrCat("duplicate argument '", parameter.name,
                                                    "' in function definition"));
        }
      }
      constexpr size_t kMostParameters = 1000;
      if (statement.parameters.size() >= kMostParameters) {
        throw TemplateError::Limit("a macro has too many parameters");
      }
      statement.parameters.push_back(std::move(parameter));
    }
    tokens_.ExpectOperator(")");
  }

  // A name that can be assigned to.
  std::string TargetName() {
    const Token& token = tokens_.Expect(TokenKind::kName);
    constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
    if (std::find(std::begin(kConstants), std::end(kConstants), token.text) !=
        std::end(kConstants)) {
      tokens_.Fail("can't assign to 'name'", token.line);
    }
    return token.text;
  }

  // A body that is a function of its own: a loop around it is not its loop.
  Body ParseFunctionBody(const Names& ends) {
    const int loops = std::exchange(loops_, 0);
    Body body = ParseBody(ends, /*drop_end=*/true);
    loops_ = loops;
    return body;
  }

  Statement* ParseMacro(int line) {
    Statement* const statement = Make(StatementKind::kMacro, line);
    statement->name = TargetName();
    ParseParameters(*statement);
    statement->body = ParseFunctionBody({"endmacro"});
    return statement;
  }

  Statement* ParseCallBlock(int line) {
    Statement* const statement = Make(StatementKind::kCallBlock, line);
    if (tokens_.AtOperator("(")) ParseParameters(*statement);
    statement->expressions.push_back(tokens_.ParseExpression());
    if (statement->expressions[0]->kind != ExpressionKind::kCall) {
      tokens_.Fail("expected call", line);
    }
    statement->body = ParseFunctionBody({"endcall"});
    return statement;
  }

  Statement* ParseFilterBlock(int line) {
    Statement* const statement = Make(StatementKind::kFilterBlock, line);
    statement->expressions.push_back(tokens_.ParseFilters(nullptr, /*start_inline=*/true));
    statement->body = ParseBody({"endfilter"}, /*drop_end=*/true);
    return statement;
  }

  Statement* ParseWith(int line) {
    Statement* const statement = Make(StatementKind::kWith, line);
    while (!tokens_.At(TokenKind::kBlockEnd)) {
      if (!statement->targets.empty()) tokens_.ExpectOperator(",");
      statement->targets.push_back(tokens_.ParseTarget("", /*with_namespace=*/false));
      tokens_.ExpectOperator("=");
      statement->expressions.push_back(tokens_.ParseExpression());
    }
    statement->body = ParseBody({"endwith"}, /*drop_end=*/true);
    return statement;
  }

  Statement* ParseBlock(int line) {
    Statement* const statement = Make(StatementKind::kBlock, line);
    statement->name = tokens_.Expect(TokenKind::kName).text;
    statement->scoped = tokens_.SkipName("scoped");
    statement->required = tokens_.SkipName("required");
    if (tokens_.AtOperator("-")) {
      tokens_.Fail(
          "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, "
          "use an underscore instead.");
    }
    if (!block_names_.insert(statement->name).second) {
      TemplateError error("TemplateAssertionError",
                          StrCat("block '", statement->name, "' defined twice"));
      error.SetLineIfUnknown(line);
      throw error;
    }
    tree_.blocks.emplace_back(statement->name, statement);
    statement->body = ParseFunctionBody({"endblock"});
    if (statement->required) {
      for (const Statement* part : statement->body) {
        if (part->kind != StatementKind::kData || !IsAllSpace(tree_.constants[part->constant])) {
          tokens_.Fail("Required blocks can only contain comments or whitespace");
        }
      }
    }
    tokens_.SkipName(statement->name);
    return statement;
  }

  Statement* ParsePrint(int line) {
    Statement* const statement = Make(StatementKind::kOutput, line);
    while (!tokens_.At(TokenKind::kBlockEnd)) {
      if (!statement->expressions.empty()) tokens_.ExpectOperator(",");
      statement->expressions.push_back(tokens_.ParseExpression());
    }
    return statement;
  }

  Statement* ParseGeneration(int line) {
    Statement* const statement = Make(StatementKind::kGeneration, line);
    statement->body = ParseFunctionBody({"endgeneration"});
    return statement;
  }

  Statement* ParseAutoescape(int line) {
    const Expression* const escape = tokens_.ParseExpression();
    if (escape->kind != ExpressionKind::kBool || escape->integer != 0) {
      TemplateError error = TemplateError::Unimplemented(
          "the tag \"autoescape\" is only implemented for false: a chat is not HTML");
      error.SetLineIfUnknown(line);
      throw error;
    }
    Statement* const statement = Make(StatementKind::kScope, line);
    statement->body = ParseBody({"endautoescape"}, /*drop_end=*/true);
    return statement;
  }

  Statement* ParseLoopControl(int line) {
    const std::string& name = tokens_.Advance().text;
    if (loops_ == 0) {
      TemplateError error("SyntaxError", name == "break" ? "'break' outside loop"
                                                         : "'continue' not properly in loop");
      error.SetLineIfUnknown(line);
      throw error;
    }
    return Make(name == "break" ? StatementKind::kBreak : StatementKind::kContinue, line);
  }

  SyntaxTree& tree_;
  ExpressionParser tokens_;
  std::vector<std::string> tags_;
  std::vector<Names> end_names_;
  absl::flat_hash_set<std::string> block_names_;
  int loops_ = 0;
};

}  // namespace

SyntaxTree Parse(std::string_view source) {
  SyntaxTree tree;
  StatementParser(tree, source).Run();
  return tree;
}

}  // namespace firstlight::jinja
