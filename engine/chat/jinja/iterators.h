#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_ITERATORS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_ITERATORS_H_

// Going through values one item at a time: what `for` and the filters do, and the generators that
// filters such as `map` return. As in Python a generator computes an item when it is asked for one,
// and can be gone through once.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

class IteratorObject : public Object {
 public:
  // `type` is what Python calls it: "generator".
  IteratorObject(Heap& heap, std::string_view type) : Object(heap, 128), type_(type) {}
  std::string_view type() const { return type_; }
  // The next item; kMissing when there is none.
  virtual Value Next() = 0;

 private:
  const std::string_view type_;
};

// An iterator over `value`. Throws TypeError when it cannot be iterated over.
Ref<IteratorObject> Iterate(Heap& heap, const Value& value);

// From the last item to the first. Throws TypeError when `value` does not know its last.
Ref<IteratorObject> IterateReversed(Heap& heap, const Value& value);

// Whether Iterate would work.
bool IsIterable(const Value& value);

// All items at once.
Values Collect(Heap& heap, const Value& value);

// A generator whose items `next` gives until it gives kMissing. What `next` holds lives as long as
// the generator, and is counted as `bytes`.
Value MakeGenerator(Heap& heap, std::function<Value()> next, size_t bytes = 0);

// The value of an iterator that has been made.
Value IteratorValue(const Ref<IteratorObject>& iterator);

// The items [start, stop) in steps of `step` of a slice whose parts may be missing, for a sequence
// of `length`: Python's slice.indices.
struct SliceRange {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
  int64_t count = 0;
};
SliceRange ResolveSlice(const Value& start, const Value& stop, const Value& step, int64_t length);

inline IteratorObject& Value::iterator() const { return static_cast<IteratorObject&>(*as_.object); }

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_ITERATORS_H_
