#include "engine/chat/jinja/attributes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/chat/jinja/function.h"
#include "engine/chat/jinja/loop.h"
#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// What every Python object has, and most containers.
bool IsPythonInternal(std::string_view name) {
  if (!name.starts_with("__")) return false;
  static const auto* const names = new absl::flat_hash_set<std::string_view>({
      "__class__",   "__delattr__", "__dir__",      "__doc__",      "__eq__",
      "__format__",  "__ge__",      "__getstate__", "__gt__",       "__getattribute__",
      "__hash__",    "__init__",    "__le__",       "__lt__",       "__init_subclass__",
      "__ne__",      "__new__",     "__reduce__",   "__repr__",     "__reduce_ex__",
      "__setattr__", "__sizeof__",  "__str__",      "__contains__", "__subclasshook__",
      "__getitem__", "__iter__",    "__len__",      "__add__",      "__mul__",
      "__rmul__",    "__mod__",     "__rmod__",     "__reversed__", "__getnewargs__",
      "__setitem__", "__delitem__", "__iadd__",     "__imul__",     "__class_getitem__",
      "__or__",      "__ror__",     "__ior__",      "__call__",     "__self__",
  });
  return names->contains(name);
}

Value Unsafe(Heap& heap, const Value& object, std::string_view name) {
  return MakeUndefined(heap,
                       StrCat("access to attribute ", Repr(MakeString(heap, name)).ReleaseBytes(),
                              " of '", TypeName(object), "' object is unsafe."),
                       "SecurityError");
}

Value GroupAttribute(const Value& group, std::string_view name) {
  if (name == "grouper") return group.items()[0];
  if (name == "list") return group.items()[1];
  return {};
}

// The item at an index that may count from the end.
bool FindIndex(const Value& key, int64_t length, int64_t* index) {
  if (!key.is_integer()) return false;
  *index = key.integer();
  if (*index < 0) *index += length;
  return *index >= 0 && *index < length;
}

// object[key]; kMissing where Python raises TypeError or LookupError.
Value FindItem(Heap& heap, const Value& object, const Value& key) {
  int64_t index = 0;
  switch (object.kind()) {
    case Kind::kDict: {
      if (key.is_list() || key.is_dict()) return {};
      const Value* found = nullptr;
      try {
        found = object.dict().Find(key);
      } catch (const TemplateError& error) {
        if (!error.Is("TypeError")) throw;
        constexpr int64_t kErrorSteps = 20;  // of throwing and catching it
        heap.Spend(kErrorSteps);
      }
      return found == nullptr ? Value() : *found;
    }
    case Kind::kList:
    case Kind::kTuple:
      if (!FindIndex(key, static_cast<int64_t>(object.items().size()), &index)) return {};
      return object.items()[static_cast<size_t>(index)];
    case Kind::kString: {
      const StringObject& string = object.string();
      if (!FindIndex(key, static_cast<int64_t>(string.length()), &index)) return {};
      size_t offset = static_cast<size_t>(index);
      if (!string.is_ascii()) {
        heap.SpendBytes(string.text().size());
        offset = OffsetOfCodePoint(string.text().bytes(), offset);
      }
      const Character character = CharacterAt(string.text().bytes(), offset);
      return MakeString(heap, string.text().Substring(character.begin, character.end),
                        string.is_markup());
    }
    case Kind::kRange:
      if (!FindIndex(key, object.range().length(), &index)) return {};
      return object.range().At(index);
    case Kind::kUndefined:
      object.undefined().Fail();
    case Kind::kBlocks:
      return key.is_string() ? FindBlock(object, key.bytes()) : Value();
    default:
      return {};
  }
}

Value UndefinedPart(Heap& heap, const Value& object, const Value& name) {
  return Value(Kind::kUndefined, new UndefinedObject(heap, DescribeType(object), name));
}

}  // namespace

Value FindAttribute(Heap& heap, const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::kUndefined:
      object.undefined().Fail();
    case Kind::kNamespace: {
      const Value* const found = object.namespace_object().attributes().Find(name);
      if (found != nullptr) return *found;
      return name == "__class__" ? Unsafe(heap, object, name) : Value();
    }
    case Kind::kLoop: {
      Value found = object.loop().Attribute(name);
      if (!found.is_missing()) return found;
      break;
    }
    case Kind::kFunction: {
      Value found = object.function().Attribute(name);
      if (!found.is_missing()) return found;
      break;
    }
    case Kind::kCycler:
      if (name == "current") return object.cycler().Current();
      break;
    case Kind::kTuple:
      if (object.sequence().is_group()) {
        Value found = GroupAttribute(object, name);
        if (!found.is_missing()) return found;
      }
      break;
    case Kind::kRange:
      if (name == "start") return Value::Integer(object.range().start());
      if (name == "stop") return Value::Integer(object.range().stop());
      if (name == "step") return Value::Integer(object.range().step());
      break;
    case Kind::kBool:
    case Kind::kInteger:
    case Kind::kFloat:
      if (name == "real") return Positive(object);
      if (name == "imag") return object.is_float() ? Value::Float(0) : Value::Integer(0);
      if (name == "numerator" && !object.is_float()) return Positive(object);
      if (name == "denominator" && !object.is_float()) return Value::Integer(1);
      break;
    default:
      break;
  }
  const Method method = FindMethod(object.kind(), name);
  if (method == Method::kMutating) return Unsafe(heap, object, name);
  if (method != Method::kNone) return MakeMethod(heap, method, object);
  if (IsPythonInternal(name)) return Unsafe(heap, object, name);
  return {};
}

Value GetAttribute(Heap& heap, const Value& object, const Value& name) {
  Value found = FindAttribute(heap, object, name.bytes());
  if (!found.is_missing()) return found;
  found = FindItem(heap, object, name);
  return found.is_missing() ? UndefinedPart(heap, object, name) : found;
}

Value GetItem(Heap& heap, const Value& object, const Value& key) {
  Value found = FindItem(heap, object, key);
  if (!found.is_missing()) return found;
  if (key.is_string()) {
    found = FindAttribute(heap, object, key.bytes());
    if (!found.is_missing()) return found;
  }
  return UndefinedPart(heap, object, key);
}

}  // namespace firstlight::jinja
