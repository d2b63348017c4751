#include "engine/chat/jinja/undeclared.h"

#include <utility>

namespace firstlight::jinja {
namespace {

class Visitor {
 public:
  explicit Visitor(std::set<std::string> names) : names_(std::move(names)) {}

  void Body(const std::vector<Statement*>& body) {
    for (const Statement* statement : body) Visit(*statement);
  }

  std::set<std::string> Undeclared() { return std::move(undeclared_); }

 private:
  void Visit(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName && names_.contains(expression->text)) {
      undeclared_.insert(expression->text);
    }
    Expressions(expression->operands);
    Expressions(expression->positional);
    for (const auto& [name, value] : expression->keywords) Visit(value);
    Visit(expression->star);
    Visit(expression->double_star);
  }

  void Expressions(const std::vector<Expression*>& expressions) {
    for (const Expression* expression : expressions) Visit(expression);
  }

  void Target(const Expression& target) {
    if (target.kind == ExpressionKind::kName) names_.erase(target.text);
    for (const Expression* item : target.operands) Target(*item);
  }

  void Parameters(const Statement& statement) {
    for (const Parameter& parameter : statement.parameters) names_.erase(parameter.name);
    for (const Parameter& parameter : statement.parameters) Visit(parameter.default_value);
  }

  void Visit(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::kBlock:
        return;
      case StatementKind::kIf:
        for (const Branch& branch : statement.branches) {
          Visit(branch.condition);
          Body(branch.body);
        }
        return;
      case StatementKind::kFor:
        Target(*statement.targets[0]);
        Expressions(statement.expressions);
        Body(statement.body);
        Body(statement.else_body);
        Visit(statement.condition);
        return;
      case StatementKind::kCallBlock:
        Expressions(statement.expressions);
        Parameters(statement);
        Body(statement.body);
        return;
      case StatementKind::kFilterBlock:
        Body(statement.body);
        Expressions(statement.expressions);
        return;
      default:
        for (const Expression* target : statement.targets) Target(*target);
        Parameters(statement);
        Expressions(statement.expressions);
        Body(statement.body);
        return;
    }
  }

  std::set<std::string> names_;
  std::set<std::string> undeclared_;
};

}  // namespace

std::set<std::string> FindUndeclared(const std::vector<Statement*>& body,
                                     std::set<std::string> names) {
  Visitor visitor(std::move(names));
  visitor.Body(body);
  return visitor.Undeclared();
}

}  // namespace firstlight::jinja
