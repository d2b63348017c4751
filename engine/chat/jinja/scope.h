#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_SCOPE_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_SCOPE_H_

// The variables of one scope while it runs. Macros keep the scope that they are defined in.

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/chat/jinja/syntax.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

class ScopeObject final : public Object {
 public:
  // `parent` (may be none) is the scope around.
  ScopeObject(Heap& heap, int slots, Ref<ScopeObject> parent)
      : Object(heap, sizeof(*this) + static_cast<size_t>(slots) * sizeof(Value)),
        slots_(static_cast<size_t>(slots)),
        parent_(std::move(parent)) {}

  Value& At(const VariablePlace& place) {
    ScopeObject* scope = this;
    for (int hops = place.hops; hops > 0; --hops) scope = scope->parent_.get();
    return scope->slots_[static_cast<size_t>(place.slot)];
  }
  Value& At(int slot) { return slots_[static_cast<size_t>(slot)]; }

 private:
  void Clear() override {
    slots_.assign(slots_.size(), Value());
    parent_ = Ref<ScopeObject>();
  }
  Values slots_;
  Ref<ScopeObject> parent_;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_SCOPE_H_
