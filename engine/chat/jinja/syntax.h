#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_SYNTAX_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_SYNTAX_H_

// A template as a tree. The parser builds it, the resolver decides which variable each name is and
// which filter and test, and then nothing changes it any more: many threads may evaluate one tree.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "engine/chat/jinja/operators.h"

namespace firstlight::jinja {

struct Filter;
struct Test;

enum class ExpressionKind : uint8_t {
  kNone,
  kBool,
  kInteger,
  kFloat,
  kString,
  kName,
  // namespace.attribute as a target of `set`.
  kNamespaceTarget,
  kTuple,
  kList,
  // operands: key, value, key, value.
  kDict,
  kNegative,
  kPositive,
  kNot,
  kBinary,
  kAnd,
  kOr,
  // a ~ b ~ c.
  kConcatenation,
  // operands[0] comparisons[0] operands[1] comparisons[1] ...
  kComparison,
  // operands: condition, value, and the other value unless there is no else.
  kConditional,
  kAttribute,
  // operands: object, key.
  kItem,
  // operands: object, start, stop, step, each of which may be null.
  kSlice,
  // operands[0] is the callee.
  kCall,
  // operands[0] is the value; null in a filter block.
  kFilter,
  kTest,
};

// Where a variable is: in which of the scopes around, and which of its slots.
struct VariablePlace {
  int hops = 0;
  int slot = 0;
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kNone;
  BinaryOperator binary = BinaryOperator::kAdd;
  int line = 0;
  // Of the tree below, for the bound on nesting.
  int height = 1;
  // A string's bytes, or a name: of a variable, an attribute, a filter, a test.
  std::string text{};
  // Of kNamespaceTarget.
  std::string attribute{};
  int64_t integer = 0;
  double number = 0;
  // Of a string or attribute: which of the template's constants its value is.
  size_t constant = 0;
  VariablePlace place{};
  std::vector<Expression*> operands{};
  std::vector<Comparison> comparisons{};
  // Of kCall, kFilter, kTest.
  std::vector<Expression*> positional{};
  std::vector<std::pair<std::string, Expression*>> keywords{};
  Expression* star = nullptr;
  Expression* double_star = nullptr;
  const Filter* filter = nullptr;
  const Test* test = nullptr;
};

enum class StatementKind : uint8_t {
  // Text of the template: `text`.
  kData,
  // {{ }}: expressions.
  kOutput,
  // targets[0] = expressions[0].
  kSet,
  // targets[0] = the text of body, through the filter expressions[0] if there is one.
  kSetBlock,
  // branches.
  kIf,
  // targets[0] in expressions[0], if `condition`; body, else_body.
  kFor,
  // name, parameters, body.
  kMacro,
  // expressions[0] is the call; parameters and body are the caller's.
  kCallBlock,
  // body through the filter expressions[0].
  kFilterBlock,
  // targets[i] = expressions[i] for body.
  kWith,
  kBlock,
  // {% generation %}: body.
  kGeneration,
  // A body of its own scope.
  kScope,
  kBreak,
  kContinue,
};

// How a slot of a scope begins.
struct SlotLoad {
  enum class Action : uint8_t { kParameter, kResolve, kAlias, kUndefined };
  int slot = 0;
  Action action = Action::kUndefined;
  // Of kResolve.
  std::string name{};
  // Of kAlias: seen from this scope.
  VariablePlace place{};
};

// The variables of one scope.
struct ScopeLayout {
  int slots = 0;
  std::vector<SlotLoad> loads{};
};

struct Statement;

struct Branch {
  // Null: else.
  Expression* condition = nullptr;
  std::vector<Statement*> body{};
};

struct Parameter {
  std::string name{};
  // Null where the parameter has no default.
  Expression* default_value = nullptr;
  int slot = 0;
};

struct Statement {
  StatementKind kind = StatementKind::kData;
  int line = 0;
  std::string text{};
  std::string name{};
  size_t constant = 0;
  std::vector<Expression*> targets{};
  std::vector<Expression*> expressions{};
  Expression* condition = nullptr;
  std::vector<Branch> branches{};
  std::vector<Statement*> body{};
  std::vector<Statement*> else_body{};
  std::vector<Parameter> parameters{};
  bool recursive = false;
  bool scoped = false;
  bool required = false;

  // Of the body, the else body, and the condition of a loop.
  ScopeLayout layout{};
  ScopeLayout else_layout{};
  ScopeLayout condition_layout{};
  // The slot of `loop`; of `caller`, `kwargs` and `varargs` where a macro uses them, else -1.
  int loop_slot = -1;
  int caller_slot = -1;
  int kwargs_slot = -1;
  int varargs_slot = -1;
  // Of a block that uses it, else -1.
  int self_slot = -1;
  // Whether a set or a macro stands at the top of the template, where blocks see it.
  bool exported = false;
  // Of a scoped block: what it sees of the scopes around.
  std::vector<std::pair<std::string, VariablePlace>> visible{};
};

// Owns the nodes.
struct SyntaxTree {
  std::deque<Expression> expressions{};
  std::deque<Statement> statements{};
  std::vector<Statement*> body{};
  // Every text that evaluation turns into a value.
  std::vector<std::string> constants{};
  std::vector<std::pair<std::string, Statement*>> blocks{};
  ScopeLayout layout{};
  // The slot of `self`, or -1.
  int self_slot = -1;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_SYNTAX_H_
