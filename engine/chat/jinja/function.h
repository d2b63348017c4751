#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_FUNCTION_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_FUNCTION_H_

// What a template can call. The calls themselves are the evaluator's.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/scope.h"
#include "engine/chat/jinja/syntax.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

enum class GlobalFunction : uint8_t {
  kNone,
  kRange,
  kDict,
  kNamespace,
  kJoiner,
  kCycler,
  kRaiseException,
  kStrftimeNow,
  kLipsum,
};

// The function that a template knows by that name, or kNone.
GlobalFunction FindGlobalFunction(std::string_view name);

class FunctionObject final : public Object {
 public:
  // A method bound to `self`.
  FunctionObject(Heap& heap, Method method, Value self)
      : Object(heap, sizeof(*this)), method_(method), self_(std::move(self)) {}
  FunctionObject(Heap& heap, GlobalFunction global)
      : Object(heap, sizeof(*this)), global_(global) {}
  // A macro, the caller of a call block, or a block of the template; `scope` is where it stands.
  FunctionObject(Heap& heap, const Statement* statement, Ref<ScopeObject> scope)
      : Object(heap, sizeof(*this)), statement_(statement), scope_(std::move(scope)) {}

  Method method() const { return method_; }
  const Value& self() const { return self_; }
  GlobalFunction global() const { return global_; }
  // Null for what is none.
  const Statement* statement() const { return statement_; }
  const Ref<ScopeObject>& scope() const { return scope_; }

  // What Python calls its type, what jinja2's messages do, and its repr.
  std::string_view TypeName() const;
  std::string_view DescribeType() const;
  std::string Describe() const;
  // kMissing for none.
  Value Attribute(std::string_view name) const;

 private:
  void Clear() override {
    self_ = Value();
    scope_ = Ref<ScopeObject>();
  }
  const Method method_ = Method::kNone;
  const GlobalFunction global_ = GlobalFunction::kNone;
  Value self_;
  const Statement* const statement_ = nullptr;
  Ref<ScopeObject> scope_;
};

// `self` of a template: its blocks.
class BlocksObject final : public Object {
 public:
  BlocksObject(Heap& heap, const SyntaxTree& tree) : Object(heap, sizeof(*this)), tree_(tree) {}
  const SyntaxTree& tree() const { return tree_; }

 private:
  void Clear() override {}
  const SyntaxTree& tree_;
};

Value MakeMethod(Heap& heap, Method method, const Value& self);

// The block `name` of a kBlocks, as a function; kMissing where there is none.
Value FindBlock(const Value& blocks, std::string_view name);

inline FunctionObject& Value::function() const { return static_cast<FunctionObject&>(*as_.object); }

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_FUNCTION_H_
