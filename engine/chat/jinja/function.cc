#include "engine/chat/jinja/function.h"

#include <algorithm>
#include <iterator>

#include "engine/chat/jinja/operators.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

constexpr std::pair<std::string_view, GlobalFunction> kGlobals[] = {
    {"range", GlobalFunction::kRange},
    {"dict", GlobalFunction::kDict},
    {"namespace", GlobalFunction::kNamespace},
    {"joiner", GlobalFunction::kJoiner},
    {"cycler", GlobalFunction::kCycler},
    {"raise_exception", GlobalFunction::kRaiseException},
    {"strftime_now", GlobalFunction::kStrftimeNow},
    {"lipsum", GlobalFunction::kLipsum},
};

bool IsMacro(const Statement* statement) {
  return statement != nullptr && statement->kind != StatementKind::kBlock;
}

}  // namespace

GlobalFunction FindGlobalFunction(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kGlobals), std::end(kGlobals),
                   [&](const auto& candidate) { return candidate.first == name; });
  return found == std::end(kGlobals) ? GlobalFunction::kNone : found->second;
}

std::string_view FunctionObject::TypeName() const {
  if (statement_ != nullptr) return IsMacro(statement_) ? "Macro" : "BlockReference";
  if (method_ == Method::kFormat || method_ == Method::kFormatMap) return "function";
  if (method_ != Method::kNone) return "builtin_function_or_method";
  switch (global_) {
    case GlobalFunction::kRaiseException:
    case GlobalFunction::kStrftimeNow:
    case GlobalFunction::kRange:
    case GlobalFunction::kLipsum:
      return "function";
    case GlobalFunction::kDict:
      return "TemplateDict";
    default:
      return "type";
  }
}

std::string_view FunctionObject::DescribeType() const {
  if (statement_ != nullptr) {
    return IsMacro(statement_) ? "jinja2.runtime.Macro object"
                               : "jinja2.runtime.BlockReference object";
  }
  if (TypeName() == "builtin_function_or_method") return "builtin_function_or_method object";
  if (global_ == GlobalFunction::kDict) {
    return "transformers.utils.chat_template_utils.TemplateDict object";
  }
  return TypeName() == "type" ? "type object" : "function object";
}

std::string FunctionObject::Describe() const {
  if (!IsMacro(statement_)) return StrCat("<", TypeName(), ">");
  if (statement_->kind != StatementKind::kMacro) return "<Macro anonymous>";
  return StrCat("<Macro '", statement_->name, "'>");
}

Value FunctionObject::Attribute(std::string_view name) const {
  if (global_ == GlobalFunction::kDict && name == "fromkeys") {
    return MakeMethod(heap(), Method::kFromKeys, MakeDict(heap()));
  }
  if (!IsMacro(statement_)) return {};
  if (name == "name") {
    if (statement_->kind != StatementKind::kMacro) return Value::None();
    return MakeString(heap(), statement_->name);
  }
  if (name == "arguments") {
    Values names;
    for (const Parameter& parameter : statement_->parameters) {
      names.push_back(MakeString(heap(), parameter.name));
    }
    return MakeTuple(heap(), std::move(names));
  }
  if (name == "catch_kwargs") return Value::Bool(statement_->kwargs_slot >= 0);
  if (name == "catch_varargs") return Value::Bool(statement_->varargs_slot >= 0);
  if (name == "caller") return Value::Bool(statement_->caller_slot >= 0);
  return {};
}

Value MakeMethod(Heap& heap, Method method, const Value& self) {
  return Value(Kind::kFunction, new FunctionObject(heap, method, self));
}

Value FindBlock(const Value& blocks, std::string_view name) {
  const auto& object = static_cast<const BlocksObject&>(*blocks.object());
  object.heap().Spend(static_cast<int64_t>(object.tree().blocks.size() / 8));
  for (const auto& [block_name, block] : object.tree().blocks) {
    if (block_name == name) {
      return Value(Kind::kFunction, new FunctionObject(object.heap(), block, Ref<ScopeObject>()));
    }
  }
  return {};
}

}  // namespace firstlight::jinja
