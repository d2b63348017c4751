#include "engine/chat/jinja/resolver.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/symbols.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/tests.h"
#include "engine/chat/jinja/undeclared.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

using Body = std::vector<Statement*>;

// Published templates need up to some ten thousand; this many take about a second.
constexpr int64_t kCopyBudget = 1'000'000;

[[noreturn]] void Fail(std::string message, int line) {
  TemplateError error("TemplateAssertionError", std::move(message));
  error.SetLineIfUnknown(line);
  throw error;
}

// First pass over a scope: which names it loads and stores (jinja2's FrameSymbolVisitor). It stops
// at scopes inside.
class NameCollector {
 public:
  explicit NameCollector(Symbols& symbols) : symbols_(&symbols) {}

  void Visit(const Body& body) {
    for (const Statement* statement : body) Visit(*statement);
  }

  void Visit(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName ||
        expression->kind == ExpressionKind::kNamespaceTarget) {
      symbols_->Load(expression->text);
    }
    Visit(expression->operands);
    Visit(expression->positional);
    for (const auto& [name, value] : expression->keywords) Visit(value);
    Visit(expression->star);
    Visit(expression->double_star);
  }

  void Visit(const std::vector<Expression*>& expressions) {
    for (const Expression* expression : expressions) Visit(expression);
  }

  void VisitTarget(const Expression& target, bool as_parameter) {
    switch (target.kind) {
      case ExpressionKind::kName:
        if (as_parameter) {
          symbols_->DeclareParameter(target.text);
        } else {
          symbols_->Store(target.text);
        }
        return;
      case ExpressionKind::kNamespaceTarget:
        symbols_->Load(target.text);
        return;
      default:
        for (const Expression* item : target.operands) VisitTarget(*item, as_parameter);
        return;
    }
  }

 private:
  void Visit(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::kSet:
        Visit(statement.expressions);
        VisitTarget(*statement.targets[0], /*as_parameter=*/false);
        return;
      case StatementKind::kSetBlock:
        VisitTarget(*statement.targets[0], /*as_parameter=*/false);
        return;
      case StatementKind::kIf:
        VisitIf(statement.branches);
        return;
      case StatementKind::kMacro:
        symbols_->Store(statement.name);
        return;
      case StatementKind::kOutput:
      case StatementKind::kFor:
      case StatementKind::kCallBlock:
      case StatementKind::kFilterBlock:
      case StatementKind::kWith:
        Visit(statement.expressions);
        return;
      default:
        return;
    }
  }

  // The branches' names each as if the others were not, then merged.
  void VisitIf(const std::vector<Branch>& branches) {
    Visit(branches[0].condition);
    Symbols* const original = symbols_;
    Symbols body = original->Copy();
    Symbols elif = original->Copy();
    Symbols otherwise = original->Copy();
    symbols_ = &body;
    Visit(branches[0].body);
    for (size_t i = 1; i < branches.size(); ++i) {
      const Branch& branch = branches[i];
      if (branch.condition == nullptr) {
        symbols_ = &otherwise;
        Visit(branch.body);
        continue;
      }
      // jinja2 sees each elif as an if of its own, one after the other.
      symbols_ = &elif;
      Visit(branch.condition);
      Symbols elif_body = elif.Copy();
      symbols_ = &elif_body;
      Visit(branch.body);
      elif.Merge({&elif_body});
    }
    symbols_ = original;
    symbols_->Merge({&body, &elif, &otherwise});
  }

  Symbols* symbols_;
};

// Second pass: the place of each name.
class Resolver {
 public:
  explicit Resolver(SyntaxTree& tree) : tree_(tree) {}

  void Run() {
    Symbols root(nullptr, &budget_);
    if (!FindUndeclared(tree_.body, {"self"}).empty()) {
      tree_.self_slot = root.DeclareParameter("self");
    }
    NameCollector(root).Visit(tree_.body);
    Resolve(tree_.body, {.symbols = root, .toplevel = true});
    tree_.layout = root.Layout();
    for (const auto& [name, block] : tree_.blocks) {
      Symbols symbols(nullptr, &budget_);
      if (!FindUndeclared(block->body, {"self"}).empty()) {
        block->self_slot = symbols.DeclareParameter("self");
      }
      NameCollector(symbols).Visit(block->body);
      Resolve(block->body, {.symbols = symbols});
      block->layout = symbols.Layout();
    }
  }

 private:
  struct Frame {
    Symbols& symbols;
    // At the top of the template, or in an if there.
    bool toplevel = false;
    // In an if: filters and tests need not exist.
    bool soft = false;
    bool in_loop = false;
  };

  void Resolve(const Body& body, const Frame& frame) {
    for (Statement* statement : body) {
      try {
        Resolve(*statement, frame);
      } catch (TemplateError& error) {
        error.SetLineIfUnknown(statement->line);
        throw;
      }
    }
  }

  void Resolve(Expression* expression, const Frame& frame) {
    if (expression == nullptr) return;
    Frame inner = frame;
    switch (expression->kind) {
      case ExpressionKind::kName:
      case ExpressionKind::kNamespaceTarget:
        frame.symbols.Load(expression->text);
        expression->place = frame.symbols.Find(expression->text).value();
        break;
      case ExpressionKind::kConditional:
        inner.soft = true;
        break;
      case ExpressionKind::kFilter:
        expression->filter = FindFilter(expression->text);
        if (expression->filter == nullptr && !frame.soft) {
          Fail(StrCat("No filter named '", expression->text, "'."), expression->line);
        }
        break;
      case ExpressionKind::kTest:
        expression->test = FindTest(expression->text);
        if (expression->test == nullptr && !frame.soft) {
          Fail(StrCat("No test named '", expression->text, "'."), expression->line);
        }
        break;
      default:
        break;
    }
    for (Expression* operand : expression->operands) Resolve(operand, inner);
    for (Expression* argument : expression->positional) Resolve(argument, inner);
    for (const auto& [name, value] : expression->keywords) Resolve(value, inner);
    Resolve(expression->star, inner);
    Resolve(expression->double_star, inner);
  }

  void Resolve(const std::vector<Expression*>& expressions, const Frame& frame) {
    for (Expression* expression : expressions) Resolve(expression, frame);
  }

  // A target of `set`, which inside of a loop cannot be the loop's own variable.
  void ResolveTarget(Expression& target, const Frame& frame) {
    if (target.kind == ExpressionKind::kName) {
      if (frame.in_loop && target.text == "loop") {
        Fail("Can't assign to special loop variable in for-loop target", target.line);
      }
      frame.symbols.Load(target.text);
      target.place = frame.symbols.Find(target.text).value();
      return;
    }
    if (target.kind == ExpressionKind::kNamespaceTarget) Resolve(&target, frame);
    if (target.kind == ExpressionKind::kTuple) {
      for (Expression* item : target.operands) ResolveTarget(*item, frame);
    }
  }

  void Resolve(Statement& statement, const Frame& frame) {
    switch (statement.kind) {
      case StatementKind::kSet:
        statement.exported = frame.toplevel;
        Resolve(statement.expressions, frame);
        ResolveTarget(*statement.targets[0], frame);
        return;
      case StatementKind::kSetBlock:
        statement.exported = frame.toplevel;
        ResolveTarget(*statement.targets[0], frame);
        ResolveInner(statement, frame, /*filter_inside=*/true);
        return;
      case StatementKind::kFilterBlock:
        ResolveInner(statement, frame, /*filter_inside=*/true);
        return;
      case StatementKind::kScope:
      case StatementKind::kGeneration:
        ResolveInner(statement, frame, /*filter_inside=*/false);
        return;
      case StatementKind::kOutput:
        Resolve(statement.expressions, frame);
        return;
      case StatementKind::kIf: {
        Frame soft = frame;
        soft.soft = true;
        for (const Branch& branch : statement.branches) {
          Resolve(branch.condition, soft);
          Resolve(branch.body, soft);
        }
        return;
      }
      case StatementKind::kFor:
        ResolveFor(statement, frame);
        return;
      case StatementKind::kMacro:
        statement.exported = frame.toplevel;
        ResolveMacro(statement, frame);
        ResolveMacroName(statement, frame);
        return;
      case StatementKind::kCallBlock:
        Resolve(statement.expressions, frame);
        ResolveMacro(statement, frame);
        return;
      case StatementKind::kWith:
        ResolveWith(statement, frame);
        return;
      case StatementKind::kBlock:
        if (statement.scoped) statement.visible = frame.symbols.Stored();
        return;
      case StatementKind::kData:
      case StatementKind::kBreak:
      case StatementKind::kContinue:
        return;
    }
  }

  // A body with a scope of its own.
  void ResolveInner(Statement& statement, const Frame& frame, bool filter_inside) {
    Symbols symbols(&frame.symbols, &budget_);
    NameCollector collector(symbols);
    collector.Visit(statement.body);
    if (filter_inside) collector.Visit(statement.expressions);
    const Frame inner{.symbols = symbols, .in_loop = frame.in_loop};
    Resolve(statement.body, inner);
    if (filter_inside) Resolve(statement.expressions, inner);
    statement.layout = symbols.Layout();
  }

  void ResolveFor(Statement& statement, const Frame& frame) {
    Expression& target = *statement.targets[0];
    // The targets get the same slots in the loop's scope and in that of its condition.
    Symbols loop(&frame.symbols, &budget_);
    statement.loop_slot = loop.DeclareParameter("loop");
    NameCollector(loop).VisitTarget(target, /*as_parameter=*/true);
    NameCollector(loop).Visit(statement.body);
    const Frame in_loop{.symbols = loop, .in_loop = true};
    ResolveTarget(target, in_loop);

    if (statement.condition != nullptr) {
      Symbols condition(&frame.symbols, &budget_);
      condition.AddSlot();
      NameCollector(condition).VisitTarget(target, /*as_parameter=*/true);
      NameCollector(condition).Visit(statement.condition);
      Resolve(statement.condition, {.symbols = condition});
      statement.condition_layout = condition.Layout();
    }

    Resolve(statement.expressions, frame);
    Resolve(statement.body, in_loop);
    statement.layout = loop.Layout();

    Symbols otherwise(&frame.symbols, &budget_);
    NameCollector(otherwise).Visit(statement.else_body);
    Resolve(statement.else_body, {.symbols = otherwise, .in_loop = true});
    statement.else_layout = otherwise.Layout();
  }

  void ResolveMacro(Statement& statement, const Frame& frame) {
    Symbols symbols(&frame.symbols, &budget_);
    bool has_caller = false;
    bool has_kwargs = false;
    bool has_varargs = false;
    for (Parameter& parameter : statement.parameters) {
      parameter.slot = symbols.DeclareParameter(parameter.name);
      if (parameter.name == "kwargs") has_kwargs = true;
      if (parameter.name == "varargs") has_varargs = true;
      if (parameter.name == "caller") has_caller = true;
    }
    const std::set<std::string> undeclared =
        FindUndeclared(statement.body, {"caller", "kwargs", "varargs"});
    if (undeclared.contains("caller")) {
      if (!has_caller) {
        statement.caller_slot = symbols.DeclareParameter("caller");
      } else {
        for (const Parameter& parameter : statement.parameters) {
          if (parameter.name == "caller" && parameter.default_value == nullptr) {
            Fail(
                "When defining macros or call blocks the special \"caller\" argument must be "
                "omitted or be given a default.",
                statement.line);
          }
        }
      }
    }
    if (undeclared.contains("kwargs") && !has_kwargs) {
      statement.kwargs_slot = symbols.DeclareParameter("kwargs");
    }
    if (undeclared.contains("varargs") && !has_varargs) {
      statement.varargs_slot = symbols.DeclareParameter("varargs");
    }
    NameCollector collector(symbols);
    for (const Parameter& parameter : statement.parameters) {
      collector.Visit(parameter.default_value);
    }
    collector.Visit(statement.body);
    const Frame inner{.symbols = symbols, .in_loop = frame.in_loop};
    for (const Parameter& parameter : statement.parameters) {
      Resolve(parameter.default_value, inner);
    }
    Resolve(statement.body, inner);
    statement.layout = symbols.Layout();
  }

  // A macro's name is a variable of the scope around; its place travels in a target.
  void ResolveMacroName(Statement& statement, const Frame& frame) {
    Expression& target = tree_.expressions.emplace_back();
    target.kind = ExpressionKind::kName;
    target.line = statement.line;
    target.text = statement.name;
    frame.symbols.Load(statement.name);
    target.place = frame.symbols.Find(statement.name).value();
    statement.targets.push_back(&target);
  }

  void ResolveWith(Statement& statement, const Frame& frame) {
    Resolve(statement.expressions, frame);
    Symbols symbols(&frame.symbols, &budget_);
    NameCollector collector(symbols);
    for (const Expression* target : statement.targets) {
      collector.VisitTarget(*target, /*as_parameter=*/true);
    }
    collector.Visit(statement.body);
    const Frame inner{.symbols = symbols, .in_loop = frame.in_loop};
    for (Expression* target : statement.targets) {
      ResolveTarget(*target, {.symbols = symbols});
    }
    Resolve(statement.body, inner);
    statement.layout = symbols.Layout();
  }

  SyntaxTree& tree_;
  int64_t budget_ = kCopyBudget;
};

}  // namespace

void Resolve(SyntaxTree& tree) { Resolver(tree).Run(); }

}  // namespace firstlight::jinja
