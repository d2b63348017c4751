#include "engine/chat/jinja/loop.h"

#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"

namespace firstlight::jinja {

LoopObject::LoopObject(Heap& heap, Value iterable, const Statement& statement,
                       Ref<ScopeObject> scope, int64_t depth0)
    : Object(heap, sizeof(*this)),
      iterable_(std::move(iterable)),
      iterator_(Iterate(heap, iterable_)),
      statement_(statement),
      scope_(std::move(scope)),
      depth0_(depth0) {}

void LoopObject::Clear() {
  iterable_ = before_ = current_ = after_ = last_changed_ = Value();
  iterator_ = Ref<IteratorObject>();
  scope_ = Ref<ScopeObject>();
}

Value LoopObject::Next() {
  Value item = after_.is_missing() ? iterator_->Next() : std::exchange(after_, Value());
  if (item.is_missing()) return item;
  ++index0_;
  before_ = std::exchange(current_, item);
  return item;
}

const Value& LoopObject::Peek() {
  if (after_.is_missing()) after_ = iterator_->Next();
  return after_;
}

int64_t LoopObject::Length() {
  if (length_.has_value()) return *length_;
  if (iterable_.kind() != Kind::kIterator) {
    length_ = jinja::Length(iterable_);
  } else {
    const Value rest = MakeList(heap(), Collect(heap(), IteratorValue(iterator_)));
    iterator_ = Iterate(heap(), rest);
    length_ = jinja::Length(rest) + index0_ + 1 + (after_.is_missing() ? 0 : 1);
  }
  return *length_;
}

Value LoopObject::Attribute(std::string_view name) {
  if (name == "index") return Value::Integer(index0_ + 1);
  if (name == "index0") return Value::Integer(index0_);
  if (name == "first") return Value::Bool(index0_ == 0);
  if (name == "last") return Value::Bool(Peek().is_missing());
  if (name == "length") return Value::Integer(Length());
  if (name == "revindex") return Value::Integer(Length() - index0_);
  if (name == "revindex0") return Value::Integer(Length() - index0_ - 1);
  if (name == "depth") return Value::Integer(depth0_ + 1);
  if (name == "depth0") return Value::Integer(depth0_);
  if (name == "previtem") {
    return index0_ == 0 ? MakeUndefined(heap(), "there is no previous item") : before_;
  }
  if (name == "nextitem") {
    const Value& next = Peek();
    return next.is_missing() ? MakeUndefined(heap(), "there is no next item") : next;
  }
  return {};
}

Value LoopObject::Cycle(const Arguments& arguments) const {
  if (!arguments.keywords.empty()) {
    RaiseTypeError("LoopContext.cycle() got an unexpected keyword argument");
  }
  if (arguments.positional.empty()) RaiseTypeError("no items for cycling given");
  return arguments.positional[static_cast<size_t>(index0_) % arguments.positional.size()];
}

Value LoopObject::Changed(const Arguments& arguments) {
  if (!arguments.keywords.empty()) {
    RaiseTypeError("LoopContext.changed() got an unexpected keyword argument");
  }
  Value values = MakeTuple(heap(), arguments.positional);
  if (!last_changed_.is_missing() && Equals(last_changed_, values)) return Value::Bool(false);
  last_changed_ = std::move(values);
  return Value::Bool(true);
}

}  // namespace firstlight::jinja
