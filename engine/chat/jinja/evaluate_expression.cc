#include <utility>

#include "engine/chat/jinja/attributes.h"
#include "engine/chat/jinja/evaluator.h"
#include "engine/chat/jinja/evaluator_guards.h"
#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/tests.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

Value Evaluator::Evaluate(const Expression& expression, const Scope& scope) {
  heap_.Spend(1);
  switch (expression.kind) {
    case ExpressionKind::kNone:
      return Value::None();
    case ExpressionKind::kBool:
      return Value::Bool(expression.integer != 0);
    case ExpressionKind::kInteger:
      return Value::Integer(expression.integer);
    case ExpressionKind::kFloat:
      return Value::Float(expression.number);
    case ExpressionKind::kString:
      return Constant(expression.constant);
    case ExpressionKind::kName:
      return EvaluateName(expression, scope);
    default: {
      const EvaluationDepth depth(*this);
      return EvaluateNode(expression, scope);
    }
  }
}

Value Evaluator::EvaluateNode(const Expression& expression, const Scope& scope) {
  const auto operand = [&](size_t index) { return Evaluate(*expression.operands[index], scope); };
  switch (expression.kind) {
    case ExpressionKind::kTuple:
      return MakeTuple(heap_, EvaluateAll(expression.operands, scope));
    case ExpressionKind::kList:
      return MakeList(heap_, EvaluateAll(expression.operands, scope));
    case ExpressionKind::kDict:
      return EvaluateDict(expression, scope);
    case ExpressionKind::kNegative:
      return Negative(operand(0));
    case ExpressionKind::kPositive:
      return Positive(operand(0));
    case ExpressionKind::kNot:
      return Value::Bool(!Truth(operand(0)));
    case ExpressionKind::kBinary: {
      const Value left = operand(0);
      return Apply(heap_, expression.binary, left, operand(1));
    }
    case ExpressionKind::kAnd: {
      Value left = operand(0);
      return Truth(left) ? operand(1) : left;
    }
    case ExpressionKind::kOr: {
      Value left = operand(0);
      return Truth(left) ? left : operand(1);
    }
    case ExpressionKind::kConcatenation:
      return EvaluateConcatenation(expression, scope);
    case ExpressionKind::kComparison:
      return EvaluateComparison(expression, scope);
    case ExpressionKind::kConditional:
      return EvaluateConditional(expression, scope);
    case ExpressionKind::kAttribute:
      return GetAttribute(heap_, operand(0), Constant(expression.constant));
    case ExpressionKind::kItem: {
      const Value object = operand(0);
      return GetItem(heap_, object, operand(1));
    }
    case ExpressionKind::kSlice:
      return EvaluateSlice(expression, scope);
    case ExpressionKind::kCall:
      return EvaluateCall(expression, scope, Value());
    case ExpressionKind::kFilter:
      return EvaluateFilter(expression, scope, Value());
    case ExpressionKind::kTest:
      return EvaluateTest(expression, scope);
    default:
      return {};
  }
}

Value Evaluator::EvaluateName(const Expression& expression, const Scope& scope) {
  const Value& value = scope->At(expression.place);
  if (!value.is_missing()) return value;
  return Value(Kind::kUndefined, new UndefinedObject(heap_, Constant(expression.constant)));
}

Values Evaluator::EvaluateAll(const std::vector<Expression*>& expressions, const Scope& scope) {
  Values values;
  values.reserve(expressions.size());
  for (const Expression* expression : expressions) {
    values.push_back(Evaluate(*expression, scope));
  }
  return values;
}

Value Evaluator::EvaluateDict(const Expression& expression, const Scope& scope) {
  Value dict = MakeDict(heap_);
  for (size_t i = 0; i + 1 < expression.operands.size(); i += 2) {
    const Value key = Evaluate(*expression.operands[i], scope);
    Value value = Evaluate(*expression.operands[i + 1], scope);
    dict.dict().Set(key, std::move(value));
  }
  return dict;
}

Value Evaluator::EvaluateConcatenation(const Expression& expression, const Scope& scope) {
  Text text;
  for (const Value& part : EvaluateAll(expression.operands, scope)) {
    const Text piece = Str(part);
    heap_.CheckRoom(text.memory() + piece.memory());
    heap_.SpendCopy(piece.memory());
    text.Append(piece);
  }
  return MakeString(heap_, std::move(text));
}

Value Evaluator::EvaluateComparison(const Expression& expression, const Scope& scope) {
  Value left = Evaluate(*expression.operands[0], scope);
  for (size_t i = 0; i < expression.comparisons.size(); ++i) {
    Value right = Evaluate(*expression.operands[i + 1], scope);
    if (!Compare(expression.comparisons[i], left, right)) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Evaluator::EvaluateConditional(const Expression& expression, const Scope& scope) {
  if (Truth(Evaluate(*expression.operands[0], scope))) {
    return Evaluate(*expression.operands[1], scope);
  }
  if (expression.operands.size() > 2) return Evaluate(*expression.operands[2], scope);
  return MakeUndefined(heap_, StrCat("the inline if-expression on line ", expression.line,
                                     " evaluated to false and no else section was defined."));
}

Value Evaluator::EvaluateSlice(const Expression& expression, const Scope& scope) {
  const Value object = Evaluate(*expression.operands[0], scope);
  Value parts[3];
  for (size_t i = 0; i < 3; ++i) {
    if (const Expression* const part = expression.operands[i + 1]) {
      parts[i] = Evaluate(*part, scope);
    }
  }
  return Slice(heap_, object, parts[0], parts[1], parts[2]);
}

Arguments Evaluator::EvaluateArguments(const Expression& expression, const Scope& scope) {
  Arguments arguments;
  arguments.positional = EvaluateAll(expression.positional, scope);
  for (const auto& [name, value] : expression.keywords) {
    arguments.keywords.emplace_back(name, Evaluate(*value, scope));
  }
  if (expression.star != nullptr) {
    const Value rest = Evaluate(*expression.star, scope);
    if (!IsIterable(rest)) {
      RaiseTypeError(StrCat("argument after * must be an iterable, not ", TypeName(rest)));
    }
    Values items = Collect(heap_, rest);
    // Calls inside each other hold theirs all at once, which only their steps bound.
    heap_.Spend(static_cast<int64_t>(items.size()));
    for (Value& item : items) arguments.positional.push_back(std::move(item));
  }
  if (expression.double_star != nullptr) {
    const Value rest = Evaluate(*expression.double_star, scope);
    if (rest.is_undefined()) rest.undefined().Fail();
    if (!rest.is_dict()) {
      RaiseTypeError(StrCat("argument after ** must be a mapping, not ", TypeName(rest)));
    }
    arguments.names_of = rest;
    for (const auto& [key, value] : rest.dict().entries()) {
      heap_.Spend(1);
      if (!key.is_string()) RaiseTypeError("keywords must be strings");
      arguments.names_are_data = arguments.names_are_data || key.text().has_data();
      for (const auto& [name, other] : arguments.keywords) {
        if (name == key.bytes()) {
          RaiseTypeError(StrCat("got multiple values for keyword argument '", name, "'"));
        }
      }
      heap_.Spend(static_cast<int64_t>(arguments.keywords.size()));
      arguments.keywords.emplace_back(key.bytes(), value);
    }
  }
  return arguments;
}

Value Evaluator::EvaluateCall(const Expression& expression, const Scope& scope,
                              const Value& caller) {
  const Expression& callee = *expression.operands[0];
  const auto arguments = [&] {
    Arguments evaluated = EvaluateArguments(expression, scope);
    if (!caller.is_missing()) evaluated.keywords.emplace_back("caller", caller);
    return evaluated;
  };
  if (callee.kind == ExpressionKind::kAttribute) {
    // object.method(...) without a value for the method in between.
    const Value object = Evaluate(*callee.operands[0], scope);
    const bool plain =
        object.is_string() || object.is_dict() || object.is_list() || object.is_tuple();
    const Method method = plain ? FindMethod(object.kind(), callee.text) : Method::kNone;
    if (method != Method::kNone && method != Method::kMutating &&
        !(object.is_tuple() && object.sequence().is_group())) {
      return CallMethod(heap_, object, method, arguments());
    }
    const Value function = GetAttribute(heap_, object, Constant(callee.constant));
    return Call(function, arguments());
  }
  const Value function = Evaluate(callee, scope);
  return Call(function, arguments());
}

Value Evaluator::EvaluateFilter(const Expression& expression, const Scope& scope,
                                const Value& input) {
  const Expression* const operand = expression.operands[0];
  // A chain of filters over a block: the innermost has the block's text.
  Value value = input;
  if (operand != nullptr) {
    value = operand->kind == ExpressionKind::kFilter && !input.is_missing()
                ? EvaluateFilter(*operand, scope, input)
                : Evaluate(*operand, scope);
  }
  if (expression.filter == nullptr) {
    throw TemplateError("TemplateRuntimeError",
                        StrCat("No filter named '", expression.text, "' found."));
  }
  return expression.filter->function(heap_, value, EvaluateArguments(expression, scope));
}

Value Evaluator::EvaluateTest(const Expression& expression, const Scope& scope) {
  const Value value = Evaluate(*expression.operands[0], scope);
  if (expression.test == nullptr) {
    throw TemplateError("TemplateRuntimeError",
                        StrCat("No test named '", expression.text, "' found."));
  }
  return Value::Bool(expression.test->function(heap_, value, EvaluateArguments(expression, scope)));
}

}  // namespace firstlight::jinja
