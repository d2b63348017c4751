#include "engine/chat/jinja/iterators.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

class SequenceIterator final : public IteratorObject {
 public:
  SequenceIterator(Heap& heap, Value sequence, bool reversed, std::string_view type)
      : IteratorObject(heap, type), sequence_(std::move(sequence)), reversed_(reversed) {}
  Value Next() override {
    if (sequence_.is_missing()) return {};
    const Values& items = sequence_.items();
    if (position_ >= items.size()) return {};
    const size_t index = reversed_ ? items.size() - 1 - position_ : position_;
    ++position_;
    return items[index];
  }

 private:
  void Clear() override { sequence_ = Value(); }
  Value sequence_;
  const bool reversed_;
  size_t position_ = 0;
};

// One character at a time.
class StringIterator final : public IteratorObject {
 public:
  StringIterator(Heap& heap, Value text, std::string_view type)
      : IteratorObject(heap, type), text_(std::move(text)) {}
  Value Next() override {
    if (text_.is_missing() || position_ >= text_.text().size()) return {};
    const Character character = CharacterAt(text_.bytes(), position_);
    position_ = character.end;
    return MakeString(heap(), text_.text().Substring(character.begin, character.end));
  }

 private:
  void Clear() override { text_ = Value(); }
  Value text_;
  size_t position_ = 0;
};

class RangeIterator final : public IteratorObject {
 public:
  RangeIterator(Heap& heap, Value range, bool reversed)
      : IteratorObject(heap, "range_iterator"), range_(std::move(range)), reversed_(reversed) {}
  Value Next() override {
    if (range_.is_missing() || position_ >= range_.range().length()) return {};
    const int64_t index = reversed_ ? range_.range().length() - 1 - position_ : position_;
    ++position_;
    return range_.range().At(index);
  }

 private:
  void Clear() override { range_ = Value(); }
  Value range_;
  const bool reversed_;
  int64_t position_ = 0;
};

class DictIterator final : public IteratorObject {
 public:
  DictIterator(Heap& heap, Value dict, DictViewKind which, bool reversed, std::string_view type)
      : IteratorObject(heap, type), dict_(std::move(dict)), which_(which), reversed_(reversed) {}
  Value Next() override {
    if (dict_.is_missing()) return {};
    const auto& entries = dict_.dict().entries();
    if (position_ >= entries.size()) return {};
    const auto& [key, value] = entries[reversed_ ? entries.size() - 1 - position_ : position_];
    ++position_;
    switch (which_) {
      case DictViewKind::kKeys:
        return key;
      case DictViewKind::kValues:
        return value;
      case DictViewKind::kItems:
        break;
    }
    return MakeTuple(heap(), {key, value});
  }

 private:
  void Clear() override { dict_ = Value(); }
  Value dict_;
  const DictViewKind which_;
  const bool reversed_;
  size_t position_ = 0;
};

class EmptyIterator final : public IteratorObject {
 public:
  explicit EmptyIterator(Heap& heap) : IteratorObject(heap, "generator") {}
  Value Next() override { return {}; }

 private:
  void Clear() override {}
};

class Generator final : public IteratorObject {
 public:
  Generator(Heap& heap, std::function<Value()> next, size_t bytes)
      : IteratorObject(heap, "generator"), next_(std::move(next)) {
    Grow(bytes);
  }
  Value Next() override {
    if (next_ == nullptr) return {};
    // One that fails is at its end, and one that asks itself for an item fails.
    std::function<Value()> next = std::exchange(next_, nullptr);
    heap().Spend(1);
    const Heap::Depth depth(heap());
    Value item = next();
    if (!item.is_missing()) next_ = std::move(next);
    return item;
  }

 private:
  void Clear() override { next_ = nullptr; }
  std::function<Value()> next_;
};

std::string_view DictIteratorType(DictViewKind which, bool reversed) {
  switch (which) {
    case DictViewKind::kKeys:
      return reversed ? "dict_reversekeyiterator" : "dict_keyiterator";
    case DictViewKind::kValues:
      return reversed ? "dict_reversevalueiterator" : "dict_valueiterator";
    case DictViewKind::kItems:
      break;
  }
  return reversed ? "dict_reverseitemiterator" : "dict_itemiterator";
}

Ref<IteratorObject> IterateDict(Heap& heap, const Value& value, bool reversed) {
  const bool is_view = value.kind() == Kind::kDictView;
  const DictViewKind which = is_view ? value.dict_view().which() : DictViewKind::kKeys;
  const Value& dict = is_view ? value.dict_view().dict() : value;
  return Ref<IteratorObject>(
      new DictIterator(heap, dict, which, reversed, DictIteratorType(which, reversed)));
}

}  // namespace

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kLoop:
    case Kind::kUndefined:
    case Kind::kBlocks:
      return true;
    default:
      return false;
  }
}

Ref<IteratorObject> Iterate(Heap& heap, const Value& value) {
  heap.Spend(1);
  switch (value.kind()) {
    case Kind::kString:
      return Ref<IteratorObject>(new StringIterator(
          heap, value, value.string().is_ascii() ? "str_ascii_iterator" : "str_iterator"));
    case Kind::kList:
      return Ref<IteratorObject>(new SequenceIterator(heap, value, false, "list_iterator"));
    case Kind::kTuple:
      return Ref<IteratorObject>(new SequenceIterator(heap, value, false, "tuple_iterator"));
    case Kind::kDict:
    case Kind::kDictView:
      return IterateDict(heap, value, /*reversed=*/false);
    case Kind::kRange:
      return Ref<IteratorObject>(new RangeIterator(heap, value, /*reversed=*/false));
    case Kind::kIterator:
      return Ref<IteratorObject>(&value.iterator());
    case Kind::kUndefined:
      return Ref<IteratorObject>(new EmptyIterator(heap));
    default:
      RaiseTypeError(StrCat("'", TypeName(value), "' object is not iterable"));
  }
}

Ref<IteratorObject> IterateReversed(Heap& heap, const Value& value) {
  heap.Spend(1);
  switch (value.kind()) {
    case Kind::kList:
      return Ref<IteratorObject>(new SequenceIterator(heap, value, true, "list_reverseiterator"));
    case Kind::kTuple:
      return Ref<IteratorObject>(new SequenceIterator(heap, value, true, "reversed"));
    case Kind::kDict:
    case Kind::kDictView:
      return IterateDict(heap, value, /*reversed=*/true);
    case Kind::kRange:
      return Ref<IteratorObject>(new RangeIterator(heap, value, /*reversed=*/true));
    case Kind::kString: {
      const Value characters = MakeList(heap, Collect(heap, value));
      return Ref<IteratorObject>(new SequenceIterator(heap, characters, true, "reversed"));
    }
    case Kind::kUndefined:
      return Ref<IteratorObject>(new EmptyIterator(heap));
    default:
      RaiseTypeError(StrCat("'", TypeName(value), "' object is not reversible"));
  }
}

Values Collect(Heap& heap, const Value& value) {
  if (value.is_list() || value.is_tuple()) {
    heap.Spend(static_cast<int64_t>(value.items().size() / 8) + 1);
    heap.CheckRoom(value.items().size(), sizeof(Value));
    return value.items();
  }
  const Ref<IteratorObject> iterator = Iterate(heap, value);
  Values items;
  while (true) {
    Value item = iterator->Next();
    if (item.is_missing()) return items;
    heap.Spend(1);
    items.push_back(std::move(item));
  }
}

Value MakeGenerator(Heap& heap, std::function<Value()> next, size_t bytes) {
  return Value(Kind::kIterator, new Generator(heap, std::move(next), bytes));
}

Value IteratorValue(const Ref<IteratorObject>& iterator) {
  return Value(Kind::kIterator, iterator.get());
}

SliceRange ResolveSlice(const Value& start, const Value& stop, const Value& step, int64_t length) {
  const auto given = [](const Value& value) { return !value.is_missing() && !value.is_none(); };
  const auto index = [](const Value& value) {
    if (value.is_undefined()) value.undefined().Fail();
    if (!value.is_integer()) {
      RaiseTypeError("slice indices must be integers or None or have an __index__ method");
    }
    return value.integer();
  };
  SliceRange range;
  if (given(step)) {
    // The most negative step has no positive counterpart; Python takes the one beside it.
    range.step = std::max(index(step), -std::numeric_limits<int64_t>::max());
    if (range.step == 0) RaiseValueError("slice step cannot be zero");
  }
  const bool backward = range.step < 0;
  const int64_t lowest = backward ? -1 : 0;
  const int64_t highest = backward ? length - 1 : length;
  const auto clamp = [&](int64_t position) {
    return position < 0 ? std::max(position + length, lowest) : std::min(position, highest);
  };
  range.start = given(start) ? clamp(index(start)) : backward ? highest : lowest;
  range.stop = given(stop) ? clamp(index(stop)) : backward ? lowest : highest;
  const int64_t distance = backward ? range.start - range.stop : range.stop - range.start;
  const int64_t stride = backward ? -range.step : range.step;
  range.count = distance > 0 ? (distance - 1) / stride + 1 : 0;
  return range;
}

}  // namespace firstlight::jinja
