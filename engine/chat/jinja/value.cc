#include "engine/chat/jinja/value.h"

#include <cmath>

#include "absl/hash/hash.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

StringObject::StringObject(Heap& heap, Text text, bool is_markup)
    : Object(heap, sizeof(*this) + text.memory()), text_(std::move(text)), is_markup_(is_markup) {}

size_t StringObject::length() const {
  if (!length_.has_value()) length_ = CountCodePoints(text_.bytes());
  return *length_;
}

SequenceObject::SequenceObject(Heap& heap, Values items, bool is_group)
    : Object(heap, sizeof(*this) + items.size() * sizeof(Value)),
      items_(std::move(items)),
      is_group_(is_group) {}

size_t KeyHash::operator()(std::string_view key) const { return absl::HashOf(key); }

size_t KeyHash::operator()(const Value& key) const {
  switch (key.kind()) {
    case Kind::kString:
      return (*this)(key.bytes());
    case Kind::kBool:
    case Kind::kInteger:
      return absl::HashOf(key.integer());
    case Kind::kFloat: {
      // An integer that a double holds hashes as that integer.
      const double number = key.number();
      constexpr double kLimit = 9223372036854775808.0;
      if (number >= -kLimit && number < kLimit && std::trunc(number) == number) {
        return absl::HashOf(static_cast<int64_t>(number));
      }
      return absl::HashOf(number);
    }
    case Kind::kHugeInteger:
      return absl::HashOf(key.bytes());
    case Kind::kTuple: {
      // Nothing is thrown here, in the middle of a table that grows: CheckHashable has been through
      // the tuple, within the limits of depth and work.
      size_t hash = key.items().size();
      for (const Value& item : key.items()) hash = absl::HashOf(hash, (*this)(item));
      return hash;
    }
    case Kind::kNone:
    case Kind::kUndefined:
      return absl::HashOf(static_cast<int>(key.kind()));
    case Kind::kRange:
      return absl::HashOf(key.range().length());
    default:
      return absl::HashOf(key.object());
  }
}

bool KeyEqual::operator()(const Value& a, const Value& b) const { return Equals(a, b); }
bool KeyEqual::operator()(const Value& a, std::string_view b) const {
  return a.is_string() && a.bytes() == b;
}

void CheckHashable(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
    case Kind::kHugeInteger:
      key.object()->heap().SpendCopy(key.text().size());
      return;
    case Kind::kList:
    case Kind::kDict:
      RaiseTypeError(StrCat("unhashable type: '", TypeName(key), "'"));
    case Kind::kDictView:
      if (key.dict_view().which() == DictViewKind::kValues) return;
      RaiseTypeError(StrCat("unhashable type: '", TypeName(key), "'"));
    case Kind::kTuple: {
      const Heap::Depth depth(key.object()->heap());
      key.object()->heap().Spend(1);
      for (const Value& item : key.items()) CheckHashable(item);
      return;
    }
    default:
      return;
  }
}

DictObject::DictObject(Heap& heap) : Object(heap, sizeof(*this)) {}

const Value* DictObject::Find(std::string_view key) const {
  heap().SpendCopy(key.size());
  if (entries_.size() <= kSmall) {
    for (const Entry& entry : entries_) {
      if (entry.first.is_string() && entry.first.bytes() == key) return &entry.second;
    }
    return nullptr;
  }
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* DictObject::Find(const Value& key) const {
  if (key.is_string()) return Find(key.bytes());
  CheckHashable(key);
  if (entries_.size() <= kSmall) {
    for (const Entry& entry : entries_) {
      if (Equals(entry.first, key)) return &entry.second;
    }
    return nullptr;
  }
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

void DictObject::Set(const Value& key, Value value) {
  if (const Value* const existing = Find(key)) {
    *const_cast<Value*>(existing) = std::move(value);
    return;
  }
  Grow(sizeof(Entry) * 2 + sizeof(Value) + sizeof(size_t));
  entries_.emplace_back(key, std::move(value));
  if (entries_.size() == kSmall + 1) {
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].first, i);
  } else if (entries_.size() > kSmall + 1) {
    index_.emplace(key, entries_.size() - 1);
  }
}

void DictObject::Clear() {
  index_.clear();
  entries_.clear();
}

UndefinedObject::UndefinedObject(Heap& heap, std::string message, const char* python_class)
    : Object(heap, sizeof(*this) + message.size()),
      python_class_(python_class),
      message_(std::move(message)) {}

UndefinedObject::UndefinedObject(Heap& heap, Value name)
    : Object(heap, sizeof(*this)), python_class_("UndefinedError"), name_(std::move(name)) {}

UndefinedObject::UndefinedObject(Heap& heap, std::string_view type, Value name)
    : Object(heap, sizeof(*this)),
      python_class_("UndefinedError"),
      type_(type),
      name_(std::move(name)) {}

void UndefinedObject::Fail() const {
  if (!message_.empty()) throw TemplateError(python_class_, message_);
  const std::string name = Repr(name_).ReleaseBytes();
  if (type_.empty()) throw TemplateError(python_class_, StrCat(name, " is undefined"));
  if (!name_.is_string()) {
    throw TemplateError(python_class_, StrCat(type_, " has no element ", name));
  }
  throw TemplateError(python_class_, StrCat("'", type_, "' has no attribute ", name));
}

Value JoinerObject::Next() {
  if (std::exchange(used_, true)) return separator_;
  return MakeString(heap(), "");
}

Value CyclerObject::Next() {
  Value current = Current();
  position_ = (position_ + 1) % items_.size();
  return current;
}

Value MakeString(Heap& heap, Text text, bool is_markup) {
  const bool from_data = text.has_data();
  heap.Spend(1);
  heap.SpendCopy(text.memory());
  return Value(Kind::kString, new StringObject(heap, std::move(text), is_markup), from_data);
}

Value MakeString(Heap& heap, std::string_view bytes) {
  return MakeString(heap, Text(std::string(bytes)));
}

Value MakeHugeInteger(Heap& heap, std::string_view digits, bool from_data) {
  return Value(Kind::kHugeInteger,
               new StringObject(heap, Text(std::string(digits), from_data), /*is_markup=*/false),
               from_data);
}

Value MakeList(Heap& heap, Values items, bool from_data) {
  heap.Spend(static_cast<int64_t>(items.size() / 16) + 1);
  return Value(Kind::kList, new SequenceObject(heap, std::move(items), /*is_group=*/false),
               from_data);
}

Value MakeTuple(Heap& heap, Values items) {
  heap.Spend(static_cast<int64_t>(items.size() / 16) + 1);
  return Value(Kind::kTuple, new SequenceObject(heap, std::move(items), /*is_group=*/false));
}

Value MakeDict(Heap& heap) { return Value(Kind::kDict, new DictObject(heap)); }

Value MakeUndefined(Heap& heap, std::string message, const char* python_class) {
  return Value(Kind::kUndefined, new UndefinedObject(heap, std::move(message), python_class));
}

}  // namespace firstlight::jinja
