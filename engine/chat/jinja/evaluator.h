#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_H_

// One rendering of one template.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/function.h"
#include "engine/chat/jinja/loop.h"
#include "engine/chat/jinja/scope.h"
#include "engine/chat/jinja/syntax.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

using Variables = absl::flat_hash_map<std::string, Value>;

struct EvaluatorOptions {
  size_t max_output_bytes = 0;  // as Text::memory
  absl::Time now{};
  absl::TimeZone time_zone{};
};

class Evaluator {
 public:
  // All outlive this.
  Evaluator(Heap& heap, const SyntaxTree& tree, const Variables& variables,
            const EvaluatorOptions& options);

  // The text of the whole template. Throws TemplateError.
  Text Run();

 private:
  using Scope = Ref<ScopeObject>;
  enum class Flow { kNext, kBreak, kContinue };

  // Output goes to the innermost of these while it lives.
  class Capture;
  // Bounds the depth of what calls what.
  class CallDepth;
  class EvaluationDepth;

  // Statements: evaluator.cc.
  Flow Execute(const std::vector<Statement*>& body, const Scope& scope);
  Flow Execute(const Statement& statement, const Scope& scope);
  Flow ExecuteIf(const Statement& statement, const Scope& scope);
  void ExecuteFor(const Statement& statement, const Scope& scope);
  void RunLoop(const Statement& statement, const Scope& scope, Value iterable, int64_t depth0);
  Value FilterLoop(const Statement& statement, const Scope& scope, const Value& iterable);
  Flow ExecuteSetBlock(const Statement& statement, const Scope& scope);
  Flow ExecuteFilterBlock(const Statement& statement, const Scope& scope);
  Flow ExecuteWith(const Statement& statement, const Scope& scope);
  void ExecuteCallBlock(const Statement& statement, const Scope& scope);
  void ExecuteBlock(const Statement& statement, const Scope& scope);
  Text RunBlock(const Statement& block, const Variables* visible);
  void Assign(const Expression& target, const Value& value, const Scope& scope, bool exported);
  void CheckNamespaceTargets(const Expression& target, const Scope& scope);
  Scope Enter(const ScopeLayout& layout, const Scope& parent);
  void Load(const ScopeLayout& layout, const Scope& scope);
  Value ResolveName(const std::string& name);
  void Emit(const Text& text);
  void EmitValue(const Value& value);
  void CountOutput(size_t bytes);

  // Expressions: evaluate_expression.cc.
  Value Evaluate(const Expression& expression, const Scope& scope);
  Value EvaluateNode(const Expression& expression, const Scope& scope);
  Value EvaluateName(const Expression& expression, const Scope& scope);
  Value EvaluateDict(const Expression& expression, const Scope& scope);
  Value EvaluateConcatenation(const Expression& expression, const Scope& scope);
  Value EvaluateComparison(const Expression& expression, const Scope& scope);
  Value EvaluateConditional(const Expression& expression, const Scope& scope);
  Value EvaluateSlice(const Expression& expression, const Scope& scope);
  // `caller` is passed as that argument unless it is missing.
  Value EvaluateCall(const Expression& expression, const Scope& scope, const Value& caller);
  // `input` is the value of a filter in a filter block, else missing.
  Value EvaluateFilter(const Expression& expression, const Scope& scope, const Value& input);
  Value EvaluateTest(const Expression& expression, const Scope& scope);
  Arguments EvaluateArguments(const Expression& expression, const Scope& scope);
  Values EvaluateAll(const std::vector<Expression*>& expressions, const Scope& scope);
  const Value& Constant(size_t index);

  // Calls: calls.cc.
  Value Call(const Value& callee, const Arguments& arguments);
  Value CallBoundMethod(const FunctionObject& function, const Arguments& arguments);
  Value CallGlobal(GlobalFunction function, const Arguments& arguments);
  Value CallMacro(const FunctionObject& macro, const Arguments& arguments);
  Value CallLoop(LoopObject& loop, const Arguments& arguments);
  Value MakeDictFrom(const Arguments& arguments);
  Value StrftimeNow(const Arguments& arguments);

  Heap& heap_;
  const SyntaxTree& tree_;
  const Variables& variables_;
  const EvaluatorOptions& options_;
  // The template's texts as values, made when they are first used.
  Values constants_;
  // What the top of the template has set so far, for blocks.
  Variables exported_;
  // Of the scoped block that runs, or null.
  const Variables* visible_ = nullptr;
  std::vector<Text> outputs_;
  size_t output_bytes_ = 0;
  int call_depth_ = 0;
  int evaluation_depth_ = 0;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_H_
