#include "engine/chat/jinja/evaluator.h"

#include <utility>

#include "engine/chat/jinja/evaluator_guards.h"
#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

Evaluator::Evaluator(Heap& heap, const SyntaxTree& tree, const Variables& variables,
                     const EvaluatorOptions& options)
    : heap_(heap),
      tree_(tree),
      variables_(variables),
      options_(options),
      constants_(tree.constants.size()) {}

Text Evaluator::Run() {
  outputs_.emplace_back();
  const Scope root = Enter(tree_.layout, Scope());
  if (tree_.self_slot >= 0) {
    root->At(tree_.self_slot) = Value(Kind::kBlocks, new BlocksObject(heap_, tree_));
  }
  Execute(tree_.body, root);
  return std::move(outputs_.back());
}

const Value& Evaluator::Constant(size_t index) {
  Value& constant = constants_[index];
  if (constant.is_missing()) constant = MakeString(heap_, tree_.constants[index]);
  return constant;
}

void Evaluator::CountOutput(size_t bytes) {
  if (bytes > options_.max_output_bytes - output_bytes_) {
    throw TemplateError::Limit("the template writes more text than one rendering may");
  }
  output_bytes_ += bytes;
  heap_.SpendBytes(bytes);
}

void Evaluator::Emit(const Text& text) {
  CountOutput(text.memory());
  outputs_.back().Append(text);
}

void Evaluator::EmitValue(const Value& value) {
  if (value.is_string()) {
    Emit(value.text());
  } else if (!value.is_undefined()) {
    Emit(Str(value));
  }
}

Value Evaluator::ResolveName(const std::string& name) {
  if (visible_ != nullptr) {
    if (const auto found = visible_->find(name); found != visible_->end()) return found->second;
  }
  if (const auto found = exported_.find(name); found != exported_.end()) return found->second;
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  const GlobalFunction function = FindGlobalFunction(name);
  if (function == GlobalFunction::kNone) return {};
  return Value(Kind::kFunction, new FunctionObject(heap_, function));
}

void Evaluator::Load(const ScopeLayout& layout, const Scope& scope) {
  heap_.Spend(static_cast<int64_t>(layout.loads.size() / 2));
  for (const SlotLoad& load : layout.loads) {
    Value value;
    if (load.action == SlotLoad::Action::kResolve) value = ResolveName(load.name);
    if (load.action == SlotLoad::Action::kAlias) value = scope->At(load.place);
    scope->At(load.slot) = std::move(value);
  }
}

Evaluator::Scope Evaluator::Enter(const ScopeLayout& layout, const Scope& parent) {
  heap_.Spend(1 + layout.slots / 4);
  Scope scope(new ScopeObject(heap_, layout.slots, parent));
  Load(layout, scope);
  return scope;
}

Evaluator::Flow Evaluator::Execute(const std::vector<Statement*>& body, const Scope& scope) {
  const EvaluationDepth depth(*this);
  for (const Statement* statement : body) {
    try {
      const Flow flow = Execute(*statement, scope);
      if (flow != Flow::kNext) return flow;
    } catch (TemplateError& error) {
      error.SetLineIfUnknown(statement->line);
      throw;
    }
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::Execute(const Statement& statement, const Scope& scope) {
  heap_.Spend(1);
  switch (statement.kind) {
    case StatementKind::kData: {
      const std::string& text = tree_.constants[statement.constant];
      CountOutput(text.size());
      outputs_.back().Append(text);
      return Flow::kNext;
    }
    case StatementKind::kOutput:
      for (const Expression* expression : statement.expressions) {
        EmitValue(Evaluate(*expression, scope));
      }
      return Flow::kNext;
    case StatementKind::kSet: {
      const Expression& target = *statement.targets[0];
      CheckNamespaceTargets(target, scope);
      Assign(target, Evaluate(*statement.expressions[0], scope), scope, statement.exported);
      return Flow::kNext;
    }
    case StatementKind::kSetBlock:
      return ExecuteSetBlock(statement, scope);
    case StatementKind::kIf:
      return ExecuteIf(statement, scope);
    case StatementKind::kFor:
      ExecuteFor(statement, scope);
      return Flow::kNext;
    case StatementKind::kMacro:
      Assign(*statement.targets[0],
             Value(Kind::kFunction, new FunctionObject(heap_, &statement, scope)), scope,
             statement.exported);
      return Flow::kNext;
    case StatementKind::kCallBlock:
      ExecuteCallBlock(statement, scope);
      return Flow::kNext;
    case StatementKind::kFilterBlock:
      return ExecuteFilterBlock(statement, scope);
    case StatementKind::kWith:
      return ExecuteWith(statement, scope);
    case StatementKind::kBlock:
      ExecuteBlock(statement, scope);
      return Flow::kNext;
    case StatementKind::kGeneration:
    case StatementKind::kScope:
      return Execute(statement.body, Enter(statement.layout, scope));
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::ExecuteIf(const Statement& statement, const Scope& scope) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition == nullptr || Truth(Evaluate(*branch.condition, scope))) {
      return Execute(branch.body, scope);
    }
  }
  return Flow::kNext;
}

void Evaluator::ExecuteFor(const Statement& statement, const Scope& scope) {
  const Value iterable = Evaluate(*statement.expressions[0], scope);
  if (!statement.recursive) {
    RunLoop(statement, scope, iterable, /*depth0=*/0);
    return;
  }
  Capture capture(*this);
  RunLoop(statement, scope, iterable, /*depth0=*/0);
  Emit(capture.Take());
}

// The items for which the loop's condition holds, tested when they are asked for.
Value Evaluator::FilterLoop(const Statement& statement, const Scope& scope, const Value& iterable) {
  const Ref<IteratorObject> items = Iterate(heap_, iterable);
  const Scope condition_scope = Enter(statement.condition_layout, scope);
  return MakeGenerator(heap_, [this, &statement, items, condition_scope] {
    while (true) {
      Value item = items->Next();
      if (item.is_missing()) return item;
      heap_.Spend(1);
      Assign(*statement.targets[0], item, condition_scope, /*exported=*/false);
      if (Truth(Evaluate(*statement.condition, condition_scope))) return item;
    }
  });
}

void Evaluator::RunLoop(const Statement& statement, const Scope& scope, Value iterable,
                        int64_t depth0) {
  if (statement.condition != nullptr) iterable = FilterLoop(statement, scope, iterable);
  const Ref<LoopObject> loop(new LoopObject(heap_, std::move(iterable), statement, scope, depth0));
  const Scope inner = Enter(statement.layout, scope);
  bool any = false;
  while (true) {
    const Value item = loop->Next();
    if (item.is_missing()) break;
    heap_.Spend(1);
    Load(statement.layout, inner);
    inner->At(statement.loop_slot) = Value(Kind::kLoop, loop.get());
    Assign(*statement.targets[0], item, inner, /*exported=*/false);
    const Flow flow = Execute(statement.body, inner);
    if (flow == Flow::kBreak) break;
    // jinja2's loops note that they ran at the end of their body, which break and continue leave
    // out: a loop that is left in its first round still runs its else.
    if (flow == Flow::kNext) any = true;
  }
  if (!any && !statement.else_body.empty()) {
    Execute(statement.else_body, Enter(statement.else_layout, scope));
  }
}

Evaluator::Flow Evaluator::ExecuteSetBlock(const Statement& statement, const Scope& scope) {
  const Scope inner = Enter(statement.layout, scope);
  Capture capture(*this);
  const Flow flow = Execute(statement.body, inner);
  if (flow != Flow::kNext) return flow;
  Value text = MakeString(heap_, capture.Take());
  if (!statement.expressions.empty()) {
    text = EvaluateFilter(*statement.expressions[0], inner, text);
  }
  CheckNamespaceTargets(*statement.targets[0], scope);
  Assign(*statement.targets[0], text, scope, statement.exported);
  return Flow::kNext;
}

Evaluator::Flow Evaluator::ExecuteFilterBlock(const Statement& statement, const Scope& scope) {
  const Scope inner = Enter(statement.layout, scope);
  Capture capture(*this);
  const Flow flow = Execute(statement.body, inner);
  if (flow != Flow::kNext) return flow;
  const Value text = MakeString(heap_, capture.Take());
  EmitValue(EvaluateFilter(*statement.expressions[0], inner, text));
  return Flow::kNext;
}

Evaluator::Flow Evaluator::ExecuteWith(const Statement& statement, const Scope& scope) {
  const Scope inner = Enter(statement.layout, scope);
  for (size_t i = 0; i < statement.targets.size(); ++i) {
    Assign(*statement.targets[i], Evaluate(*statement.expressions[i], scope), inner,
           /*exported=*/false);
  }
  return Execute(statement.body, inner);
}

void Evaluator::ExecuteCallBlock(const Statement& statement, const Scope& scope) {
  const Value caller(Kind::kFunction, new FunctionObject(heap_, &statement, scope));
  EmitValue(EvaluateCall(*statement.expressions[0], scope, caller));
}

void Evaluator::ExecuteBlock(const Statement& statement, const Scope& scope) {
  if (statement.required) {
    throw TemplateError("TemplateRuntimeError",
                        StrCat("Required block '", statement.name, "' not found"));
  }
  if (!statement.scoped) {
    Emit(RunBlock(statement, visible_));
    return;
  }
  Variables visible;
  if (visible_ != nullptr) visible = *visible_;
  for (const auto& [name, place] : statement.visible) {
    const Value& value = scope->At(place);
    if (!value.is_missing()) visible[name] = value;
  }
  heap_.Spend(static_cast<int64_t>(visible.size()));
  Emit(RunBlock(statement, &visible));
}

Text Evaluator::RunBlock(const Statement& block, const Variables* visible) {
  const CallDepth depth(*this);
  const Variables* const outside = std::exchange(visible_, visible);
  Capture capture(*this);
  try {
    const Scope scope = Enter(block.layout, Scope());
    if (block.self_slot >= 0) {
      scope->At(block.self_slot) = Value(Kind::kBlocks, new BlocksObject(heap_, tree_));
    }
    Execute(block.body, scope);
  } catch (...) {
    visible_ = outside;
    throw;
  }
  visible_ = outside;
  return capture.Take();
}

void Evaluator::CheckNamespaceTargets(const Expression& target, const Scope& scope) {
  if (target.kind == ExpressionKind::kNamespaceTarget) {
    if (scope->At(target.place).kind() != Kind::kNamespace) {
      throw TemplateError("TemplateRuntimeError",
                          "cannot assign attribute on non-namespace object");
    }
  } else if (target.kind == ExpressionKind::kTuple) {
    for (const Expression* item : target.operands) CheckNamespaceTargets(*item, scope);
  }
}

void Evaluator::Assign(const Expression& target, const Value& value, const Scope& scope,
                       bool exported) {
  switch (target.kind) {
    case ExpressionKind::kName:
      scope->At(target.place) = value;
      if (exported && !tree_.blocks.empty()) exported_[target.text] = value;
      return;
    case ExpressionKind::kNamespaceTarget: {
      if (target.attribute.starts_with('_')) {
        throw TemplateError(
            "SecurityError",
            StrCat("Chat templates cannot store underscore-prefixed attributes on a namespace, but "
                   "got '",
                   target.attribute, "'. Please rename the attribute."));
      }
      NamespaceObject& object = scope->At(target.place).namespace_object();
      object.attributes().Set(Constant(target.constant), value);
      return;
    }
    default:
      break;
  }
  if (!IsIterable(value) || value.kind() == Kind::kLoop) {
    RaiseTypeError(StrCat("cannot unpack non-iterable ", TypeName(value), " object"));
  }
  const size_t wanted = target.operands.size();
  const Ref<IteratorObject> iterator = Iterate(heap_, value);
  Values items;
  while (items.size() <= wanted) {
    Value item = iterator->Next();
    if (item.is_missing()) break;
    items.push_back(std::move(item));
  }
  if (items.size() < wanted) {
    RaiseValueError(
        StrCat("not enough values to unpack (expected ", wanted, ", got ", items.size(), ")"));
  }
  if (items.size() > wanted) {
    RaiseValueError(StrCat("too many values to unpack (expected ", wanted, ")"));
  }
  for (size_t i = 0; i < wanted; ++i) Assign(*target.operands[i], items[i], scope, exported);
}

}  // namespace firstlight::jinja
