#include "engine/chat/jinja/methods.h"

#include <bit>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

constexpr unsigned kStr = 1;
constexpr unsigned kList = 2;
constexpr unsigned kTuple = 4;
constexpr unsigned kDict = 8;
constexpr unsigned kInt = 16;
constexpr unsigned kFloat = 32;
constexpr unsigned kLoop = 64;
constexpr unsigned kCycler = 128;
constexpr unsigned kRange = 256;

unsigned TypeBit(Kind kind) {
  switch (kind) {
    case Kind::kString:
      return kStr;
    case Kind::kList:
      return kList;
    case Kind::kTuple:
      return kTuple;
    case Kind::kDict:
      return kDict;
    case Kind::kBool:
    case Kind::kInteger:
      return kInt;
    case Kind::kFloat:
      return kFloat;
    case Kind::kLoop:
      return kLoop;
    case Kind::kCycler:
      return kCycler;
    case Kind::kRange:
      return kRange;
    default:
      return 0;
  }
}

struct MethodEntry {
  std::string_view name;
  unsigned types;
  Method method;
};

constexpr MethodEntry kMethods[] = {
    {"capitalize", kStr, Method::kCapitalize},
    {"casefold", kStr, Method::kCasefold},
    {"center", kStr, Method::kCenter},
    {"count", kStr | kList | kTuple | kRange, Method::kCount},
    {"encode", kStr, Method::kUnimplemented},
    {"endswith", kStr, Method::kEndsWith},
    {"expandtabs", kStr, Method::kExpandTabs},
    {"find", kStr, Method::kFind},
    {"format", kStr, Method::kFormat},
    {"format_map", kStr, Method::kFormatMap},
    {"index", kStr | kList | kTuple | kRange, Method::kIndex},
    {"isalnum", kStr, Method::kIsAlnum},
    {"isalpha", kStr, Method::kIsAlpha},
    {"isascii", kStr, Method::kIsAscii},
    {"isdecimal", kStr, Method::kIsDecimal},
    {"isdigit", kStr, Method::kIsDigit},
    {"isidentifier", kStr, Method::kIsIdentifier},
    {"islower", kStr, Method::kIsLower},
    {"isnumeric", kStr, Method::kIsNumeric},
    {"isprintable", kStr, Method::kIsPrintable},
    {"isspace", kStr, Method::kIsSpace},
    {"istitle", kStr, Method::kIsTitle},
    {"isupper", kStr, Method::kIsUpper},
    {"join", kStr, Method::kJoin},
    {"ljust", kStr, Method::kLJust},
    {"lower", kStr, Method::kLower},
    {"lstrip", kStr, Method::kLStrip},
    {"maketrans", kStr, Method::kUnimplemented},
    {"partition", kStr, Method::kPartition},
    {"removeprefix", kStr, Method::kRemovePrefix},
    {"removesuffix", kStr, Method::kRemoveSuffix},
    {"replace", kStr, Method::kReplace},
    {"rfind", kStr, Method::kRFind},
    {"rindex", kStr, Method::kRIndex},
    {"rjust", kStr, Method::kRJust},
    {"rpartition", kStr, Method::kRPartition},
    {"rsplit", kStr, Method::kRSplit},
    {"rstrip", kStr, Method::kRStrip},
    {"split", kStr, Method::kSplit},
    {"splitlines", kStr, Method::kSplitLines},
    {"startswith", kStr, Method::kStartsWith},
    {"strip", kStr, Method::kStrip},
    {"swapcase", kStr, Method::kSwapCase},
    {"title", kStr, Method::kTitle},
    {"translate", kStr, Method::kUnimplemented},
    {"upper", kStr, Method::kUpper},
    {"zfill", kStr, Method::kZFill},
    {"append", kList, Method::kMutating},
    {"clear", kList | kDict, Method::kMutating},
    {"pop", kList | kDict, Method::kMutating},
    {"reverse", kList, Method::kMutating},
    {"insert", kList, Method::kMutating},
    {"sort", kList, Method::kMutating},
    {"extend", kList, Method::kMutating},
    {"remove", kList, Method::kMutating},
    {"popitem", kDict, Method::kMutating},
    {"setdefault", kDict, Method::kMutating},
    {"update", kDict, Method::kMutating},
    {"copy", kList | kDict, Method::kCopy},
    {"fromkeys", kDict, Method::kFromKeys},
    {"get", kDict, Method::kGet},
    {"items", kDict, Method::kItems},
    {"keys", kDict, Method::kKeys},
    {"values", kDict, Method::kValues},
    {"bit_length", kInt, Method::kBitLength},
    {"is_integer", kFloat, Method::kIsInteger},
    {"as_integer_ratio", kInt | kFloat, Method::kUnimplemented},
    {"conjugate", kInt | kFloat, Method::kUnimplemented},
    {"bit_count", kInt, Method::kUnimplemented},
    {"to_bytes", kInt, Method::kUnimplemented},
    {"from_bytes", kInt, Method::kUnimplemented},
    {"hex", kFloat, Method::kUnimplemented},
    {"fromhex", kFloat, Method::kUnimplemented},
    {"cycle", kLoop, Method::kLoopCycle},
    {"changed", kLoop, Method::kLoopChanged},
    {"next", kCycler, Method::kCyclerNext},
    {"reset", kCycler, Method::kCyclerReset},
};

const absl::flat_hash_map<std::string_view, const MethodEntry*>& MethodTable() {
  static const auto* const table = [] {
    auto* const built = new absl::flat_hash_map<std::string_view, const MethodEntry*>();
    for (const MethodEntry& entry : kMethods) built->emplace(entry.name, &entry);
    return built;
  }();
  return *table;
}

Value CountItems(const Value& self, const Value& item) {
  const Ref<IteratorObject> iterator = Iterate(self.object()->heap(), self);
  int64_t count = 0;
  for (Value next = iterator->Next(); !next.is_missing(); next = iterator->Next()) {
    self.object()->heap().Spend(1);
    if (Same(next, item) || Equals(next, item)) ++count;
  }
  return Value::Integer(count);
}

Value IndexOfItem(Heap& heap, const Value& self, const Values& bound) {
  const SliceRange range = ResolveSlice(bound[1], bound[2], Value(), Length(self));
  const Values items = Collect(heap, self);
  for (int64_t i = 0; i < range.count; ++i) {
    heap.Spend(1);
    const int64_t index = range.start + i;
    const Value& item = items[static_cast<size_t>(index)];
    if (Same(item, bound[0]) || Equals(item, bound[0])) return Value::Integer(index);
  }
  if (self.is_tuple()) RaiseValueError("tuple.index(x): x not in tuple");
  RaiseValueError(StrCat(Repr(bound[0]).ReleaseBytes(), " is not in ", TypeName(self)));
}

Value DictView(Heap& heap, const Value& dict, DictViewKind which, const Arguments& arguments) {
  Bind("dict view", {}, 0, arguments);
  return Value(Kind::kDictView, new DictViewObject(heap, which, dict));
}

Value CallDictMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  switch (method) {
    case Method::kGet: {
      const Values bound = Bind("get", {"/key", "/default"}, 1, arguments);
      const Value* const found = self.dict().Find(bound[0]);
      return found != nullptr ? *found : OrElse(bound[1], Value::None());
    }
    case Method::kItems:
      return DictView(heap, self, DictViewKind::kItems, arguments);
    case Method::kKeys:
      return DictView(heap, self, DictViewKind::kKeys, arguments);
    case Method::kValues:
      return DictView(heap, self, DictViewKind::kValues, arguments);
    case Method::kCopy:
      Bind("copy", {}, 0, arguments);
      return self;
    case Method::kFromKeys: {
      const Values bound = Bind("fromkeys", {"/iterable", "/value"}, 1, arguments);
      Value dict = MakeDict(heap);
      for (const Value& key : Collect(heap, bound[0])) {
        dict.dict().Set(key, OrElse(bound[1], Value::None()));
      }
      return dict;
    }
    default:
      throw TemplateError::Unimplemented("this method of dict is not implemented");
  }
}

Value CallSequenceMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  switch (method) {
    case Method::kCount:
      return CountItems(self, Bind("count", {"/value"}, 1, arguments)[0]);
    case Method::kIndex:
      return IndexOfItem(heap, self, Bind("index", {"/value", "/start", "/stop"}, 1, arguments));
    case Method::kCopy:
      Bind("copy", {}, 0, arguments);
      return MakeList(heap, self.items(), self.from_data());
    default:
      throw TemplateError::Unimplemented("this method of list is not implemented");
  }
}

}  // namespace

Method FindMethod(Kind kind, std::string_view name) {
  const unsigned type = TypeBit(kind);
  if (type == 0) return Method::kNone;
  const auto found = MethodTable().find(name);
  if (found == MethodTable().end() || (found->second->types & type) == 0) return Method::kNone;
  return found->second->method;
}

std::string_view MethodName(Method method) {
  for (const MethodEntry& entry : kMethods) {
    if (entry.method == method) return entry.name;
  }
  return "method";
}

Value CallMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  if (method == Method::kUnimplemented) {
    throw TemplateError::Unimplemented(
        StrCat("a method of ", TypeName(self), " that is not implemented was called"));
  }
  switch (self.kind()) {
    case Kind::kString:
      return CallStringMethod(heap, self, method, arguments);
    case Kind::kDict:
      return CallDictMethod(heap, self, method, arguments);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
      return CallSequenceMethod(heap, self, method, arguments);
    case Kind::kFloat:
      Bind("is_integer", {}, 0, arguments);
      return Value::Bool(std::isfinite(self.number()) &&
                         std::trunc(self.number()) == self.number());
    default: {
      Bind("bit_length", {}, 0, arguments);
      const int64_t number = self.integer();
      const uint64_t magnitude =
          number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
      return Value::Integer(std::bit_width(magnitude));
    }
  }
}

}  // namespace firstlight::jinja
