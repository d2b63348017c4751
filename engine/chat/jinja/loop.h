#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_LOOP_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_LOOP_H_

// The `loop` of a for loop: where it is, and what comes before and after. As in jinja2 it looks at
// the next item only when it is asked, and at all of them only for its length.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/scope.h"
#include "engine/chat/jinja/syntax.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

class LoopObject final : public Object {
 public:
  // `scope` is the scope around the statement, for a recursive loop.
  LoopObject(Heap& heap, Value iterable, const Statement& statement, Ref<ScopeObject> scope,
             int64_t depth0);

  // Goes on to the next item; kMissing at the end.
  Value Next();

  int64_t index_from_zero() const { return index0_; }
  int64_t depth_from_zero() const { return depth0_; }
  int64_t Length();
  const Statement& statement() const { return statement_; }
  const Ref<ScopeObject>& scope() const { return scope_; }

  // kMissing for none. Methods are not among them.
  Value Attribute(std::string_view name);
  Value Cycle(const Arguments& arguments) const;
  Value Changed(const Arguments& arguments);

 private:
  void Clear() override;
  const Value& Peek();

  Value iterable_;
  Ref<IteratorObject> iterator_;
  const Statement& statement_;
  Ref<ScopeObject> scope_;
  const int64_t depth0_;
  int64_t index0_ = -1;
  std::optional<int64_t> length_;
  Value before_;
  Value current_;
  // kMissing also when nobody has looked.
  Value after_;
  Value last_changed_;
};

inline LoopObject& Value::loop() const { return static_cast<LoopObject&>(*as_.object); }

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_LOOP_H_
