#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_VALUE_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_VALUE_H_

// The values of the template language: Python's, as far as a template in jinja2's immutable sandbox
// can tell. A Value is two words, copied freely; what is larger lies on the rendering's Heap,
// shared and immutable but for namespaces, loops and the like.
//
// Each value knows whether it comes from input data; strings know it for each byte (text.h).
// Numbers and the like keep it so that their text is marked too.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/chat/jinja/heap.h"
#include "engine/chat/jinja/text.h"

namespace firstlight::jinja {

enum class Kind : uint8_t {
  // No value: a variable that is not set, an argument that is not given. Never seen by a template.
  kMissing,
  kNone,
  kBool,
  kInteger,
  kFloat,
  // All below are objects.
  kUndefined,
  // An integer of a conversation beyond 64 bits.
  kHugeInteger,
  kString,
  kList,
  kTuple,
  kDict,
  kDictView,
  kRange,
  kIterator,
  kNamespace,
  // A method bound to its value, a function of the language, a macro.
  kFunction,
  kLoop,
  kJoiner,
  kCycler,
  kBlocks,
};

class UndefinedObject;
class StringObject;
class SequenceObject;
class DictObject;
class DictViewObject;
class RangeObject;
class IteratorObject;
class NamespaceObject;
class FunctionObject;
class LoopObject;
class JoinerObject;
class CyclerObject;

class Value {
 public:
  Value() = default;  // kMissing
  static Value None(bool from_data = false) { return Value(Kind::kNone, from_data); }
  static Value Bool(bool value, bool from_data = false);
  static Value Integer(int64_t value, bool from_data = false);
  static Value Float(double value, bool from_data = false);
  // `object` is what `kind` says.
  Value(Kind kind, Object* object, bool from_data = false);

  Value(const Value& other) : kind_(other.kind_), from_data_(other.from_data_), as_(other.as_) {
    if (is_object()) as_.object->AddReference();
  }
  Value(Value&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::kMissing)),
        from_data_(other.from_data_),
        as_(other.as_) {}
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(from_data_, other.from_data_);
    std::swap(as_, other.as_);
    return *this;
  }
  ~Value() {
    if (is_object()) as_.object->DropReference();
  }

  Kind kind() const { return kind_; }
  bool is_missing() const { return kind_ == Kind::kMissing; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_tuple() const { return kind_ == Kind::kTuple; }
  bool is_float() const { return kind_ == Kind::kFloat; }
  // Python's int, of which bool is one.
  bool is_integer() const { return kind_ == Kind::kInteger || kind_ == Kind::kBool; }
  bool is_number() const { return is_integer() || is_float(); }
  bool from_data() const { return from_data_; }

  // REQUIRES: the kind fits. `integer` is also a bool's, 0 or 1.
  bool boolean() const { return as_.integer != 0; }
  int64_t integer() const { return as_.integer; }
  double number() const { return as_.number; }
  Object* object() const { return as_.object; }
  UndefinedObject& undefined() const;
  StringObject& string() const;
  const Text& text() const;
  std::string_view bytes() const { return text().bytes(); }
  SequenceObject& sequence() const;
  const std::vector<Value>& items() const;
  DictObject& dict() const;
  DictViewObject& dict_view() const;
  RangeObject& range() const;
  IteratorObject& iterator() const;
  NamespaceObject& namespace_object() const;
  FunctionObject& function() const;
  LoopObject& loop() const;
  JoinerObject& joiner() const;
  CyclerObject& cycler() const;

 private:
  explicit Value(Kind kind, bool from_data) : kind_(kind), from_data_(from_data) {}
  bool is_object() const { return kind_ >= Kind::kUndefined; }

  Kind kind_ = Kind::kMissing;
  bool from_data_ = false;
  union {
    int64_t integer;
    double number;
    Object* object;
  } as_{};
};

using Values = std::vector<Value>;

// A str, or a Markup (HTML that is safe): of those, jinja2 escapes what they are joined with. Also
// the digits of a kHugeInteger.
class StringObject final : public Object {
 public:
  StringObject(Heap& heap, Text text, bool is_markup);
  const Text& text() const { return text_; }
  bool is_markup() const { return is_markup_; }
  // In code points.
  size_t length() const;
  bool is_ascii() const { return length() == text_.size(); }

 private:
  void Clear() override {}
  const Text text_;
  const bool is_markup_;
  mutable std::optional<size_t> length_;
};

// A list or a tuple.
class SequenceObject final : public Object {
 public:
  SequenceObject(Heap& heap, Values items, bool is_group);
  const Values& items() const { return items_; }
  // A tuple of `groupby`, whose items also have names: grouper, list.
  bool is_group() const { return is_group_; }

 private:
  void Clear() override { items_.clear(); }
  Values items_;
  const bool is_group_;
};

// Keys are equal and hash as in Python: 1, 1.0 and True are one key.
struct KeyHash {
  using is_transparent = void;
  size_t operator()(const Value& key) const;
  size_t operator()(std::string_view key) const;
};
struct KeyEqual {
  using is_transparent = void;
  bool operator()(const Value& a, const Value& b) const;
  bool operator()(const Value& a, std::string_view b) const;
  bool operator()(std::string_view a, const Value& b) const { return (*this)(b, a); }
};

class DictObject final : public Object {
 public:
  using Entry = std::pair<Value, Value>;
  explicit DictObject(Heap& heap);

  // In the order in which the keys first came.
  const std::vector<Entry>& entries() const { return entries_; }
  const Value* Find(std::string_view key) const;
  // Throws TypeError when the key cannot be one.
  const Value* Find(const Value& key) const;
  // For whoever makes the dict, before others see it. Throws TypeError when the key cannot be one.
  void Set(const Value& key, Value value);

 private:
  void Clear() override;
  // Up to as many entries are searched one by one.
  static constexpr size_t kSmall = 8;
  std::vector<Entry> entries_;
  absl::flat_hash_map<Value, size_t, KeyHash, KeyEqual> index_;
};

// Throws TypeError "unhashable type" for what cannot be a key or in a set.
void CheckHashable(const Value& key);

enum class DictViewKind : uint8_t { kKeys, kValues, kItems };

class DictViewObject final : public Object {
 public:
  DictViewObject(Heap& heap, DictViewKind which, Value dict)
      : Object(heap, sizeof(*this)), which_(which), dict_(std::move(dict)) {}
  DictViewKind which() const { return which_; }
  const Value& dict() const { return dict_; }

 private:
  void Clear() override { dict_ = Value(); }
  const DictViewKind which_;
  Value dict_;
};

class RangeObject final : public Object {
 public:
  // `length` is the number of integers.
  RangeObject(Heap& heap, int64_t start, int64_t stop, int64_t step, int64_t length)
      : Object(heap, sizeof(*this)), start_(start), stop_(stop), step_(step), length_(length) {}
  int64_t start() const { return start_; }
  int64_t stop() const { return stop_; }
  int64_t step() const { return step_; }
  int64_t length() const { return length_; }
  Value At(int64_t index) const { return Value::Integer(start_ + index * step_); }

 private:
  void Clear() override {}
  const int64_t start_, stop_, step_, length_;
};

// Why a value is not there. Printing it gives nothing; most uses of it are errors that say why.
class UndefinedObject final : public Object {
 public:
  // `message` says it all.
  UndefinedObject(Heap& heap, std::string message, const char* python_class);
  // The variable `name` is not set.
  UndefinedObject(Heap& heap, Value name);
  // A value of the type that `type` describes has no item or attribute `name`.
  UndefinedObject(Heap& heap, std::string_view type, Value name);

  [[noreturn]] void Fail() const;

 private:
  void Clear() override { name_ = Value(); }
  const char* const python_class_;
  const std::string message_;
  const std::string_view type_;
  Value name_;
};

class NamespaceObject final : public Object {
 public:
  NamespaceObject(Heap& heap, Value attributes)
      : Object(heap, sizeof(*this)), attributes_(std::move(attributes)) {}
  // A dict of this namespace's own.
  DictObject& attributes() const { return attributes_.dict(); }
  const Value& dict() const { return attributes_; }

 private:
  void Clear() override { attributes_ = Value(); }
  Value attributes_;
};

class JoinerObject final : public Object {
 public:
  JoinerObject(Heap& heap, Value separator)
      : Object(heap, sizeof(*this)), separator_(std::move(separator)) {}
  // Nothing for the first call, then the separator.
  Value Next();

 private:
  void Clear() override { separator_ = Value(); }
  Value separator_;
  bool used_ = false;
};

class CyclerObject final : public Object {
 public:
  CyclerObject(Heap& heap, Values items)
      : Object(heap, sizeof(*this) + items.size() * sizeof(Value)), items_(std::move(items)) {}
  const Value& Current() const { return items_[position_]; }
  Value Next();
  void Reset() { position_ = 0; }

 private:
  void Clear() override { items_.clear(); }
  Values items_;
  size_t position_ = 0;
};

// Making values. What is made is paid for here, in steps by its size.
Value MakeString(Heap& heap, Text text, bool is_markup = false);
// The template's own text.
Value MakeString(Heap& heap, std::string_view bytes);
Value MakeHugeInteger(Heap& heap, std::string_view digits, bool from_data);
Value MakeList(Heap& heap, Values items, bool from_data = false);
Value MakeTuple(Heap& heap, Values items);
Value MakeDict(Heap& heap);  // to be filled by Set
Value MakeUndefined(Heap& heap, std::string message, const char* python_class = "UndefinedError");

// Inline parts.

inline Value Value::Bool(bool value, bool from_data) {
  Value result(Kind::kBool, from_data);
  result.as_.integer = value ? 1 : 0;
  return result;
}
inline Value Value::Integer(int64_t value, bool from_data) {
  Value result(Kind::kInteger, from_data);
  result.as_.integer = value;
  return result;
}
inline Value Value::Float(double value, bool from_data) {
  Value result(Kind::kFloat, from_data);
  result.as_.number = value;
  return result;
}
inline Value::Value(Kind kind, Object* object, bool from_data)
    : kind_(kind), from_data_(from_data) {
  as_.object = object;
  object->AddReference();
}
inline StringObject& Value::string() const { return static_cast<StringObject&>(*as_.object); }
inline const Text& Value::text() const { return string().text(); }
inline UndefinedObject& Value::undefined() const {
  return static_cast<UndefinedObject&>(*as_.object);
}
inline SequenceObject& Value::sequence() const { return static_cast<SequenceObject&>(*as_.object); }
inline const Values& Value::items() const { return sequence().items(); }
inline DictObject& Value::dict() const { return static_cast<DictObject&>(*as_.object); }
inline DictViewObject& Value::dict_view() const {
  return static_cast<DictViewObject&>(*as_.object);
}
inline RangeObject& Value::range() const { return static_cast<RangeObject&>(*as_.object); }
inline NamespaceObject& Value::namespace_object() const {
  return static_cast<NamespaceObject&>(*as_.object);
}
inline JoinerObject& Value::joiner() const { return static_cast<JoinerObject&>(*as_.object); }
inline CyclerObject& Value::cycler() const { return static_cast<CyclerObject&>(*as_.object); }

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_VALUE_H_
