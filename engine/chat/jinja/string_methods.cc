// The methods of str but for those that split.

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "engine/chat/jinja/formatting.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// str.capitalize, str.title and str.swapcase: each character's mapping by where it stands.
Text MapEach(const Text& text, Method method) {
  Text result;
  result.Reserve(text.size());
  bool previous_cased = false;
  bool first = true;
  std::string mapped;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text.bytes(), at);
    const char32_t c = character.code_point;
    CaseMapping mapping = CaseMapping::kLower;
    bool change = true;
    switch (method) {
      case Method::kCapitalize:
        if (first) mapping = CaseMapping::kTitle;
        break;
      case Method::kTitle:
        if (!previous_cased) mapping = CaseMapping::kTitle;
        previous_cased = IsCased(c);
        break;
      default:
        if (IsLower(c)) mapping = CaseMapping::kUpper;
        change = IsLower(c) || IsUpper(c);
        break;
    }
    first = false;
    if (change) {
      mapped.clear();
      AppendMapped(text.bytes(), character, mapping, mapped);
      result.Append(mapped, text.IsData(at));
    } else {
      result.Append(text, at, character.end);
    }
    at = character.end;
  }
  return result;
}

bool AllOf(std::string_view text, bool (*property)(char32_t)) {
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    if (!property(character.code_point)) return false;
    at = character.end;
  }
  return !text.empty();
}

bool IsAlphanumeric(char32_t c) {
  return IsAlphabetic(c) || IsNumericCharacter(c) || IsDigitCharacter(c);
}

bool IsTitleText(std::string_view text) {
  bool previous_cased = false;
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    at = character.end;
    const char32_t c = character.code_point;
    if (IsUpper(c) || IsTitleCase(c)) {
      if (previous_cased) return false;
      previous_cased = any = true;
    } else if (IsLower(c)) {
      if (!previous_cased) return false;
      any = true;
    } else {
      previous_cased = false;
    }
  }
  return any;
}

bool IsIdentifier(std::string_view text) {
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    const char32_t c = character.code_point;
    if (!(c == '_' || IsAlphabetic(c) || (!first && IsDecimalDigit(c)))) return false;
    first = false;
    at = character.end;
  }
  return !text.empty();
}

bool IsPrintableText(const Value& value) {
  // repr escapes what is not printable, and backslashes and quotes.
  const std::string& text = value.text().bytes();
  std::string plain;
  std::copy_if(text.begin(), text.end(), std::back_inserter(plain),
               [](char c) { return c != '\\' && c != '\''; });
  const Value stripped = MakeString(value.object()->heap(), plain);
  return Repr(stripped).size() == plain.size() + 2;
}

Value Test(Heap& heap, const Value& self, Method method) {
  const std::string_view text = self.bytes();
  heap.SpendBytes(text.size() * 32);
  switch (method) {
    case Method::kIsAlnum:
      return Value::Bool(AllOf(text, IsAlphanumeric));
    case Method::kIsAlpha:
      return Value::Bool(AllOf(text, IsAlphabetic));
    case Method::kIsAscii:
      return Value::Bool(self.string().is_ascii());
    case Method::kIsDecimal:
      return Value::Bool(AllOf(text, IsDecimalDigit));
    case Method::kIsDigit:
      return Value::Bool(AllOf(text, IsDigitCharacter));
    case Method::kIsIdentifier:
      return Value::Bool(IsIdentifier(text));
    case Method::kIsLower:
      return Value::Bool(IsLowerText(text));
    case Method::kIsNumeric:
      return Value::Bool(AllOf(text, IsNumericCharacter));
    case Method::kIsPrintable:
      return Value::Bool(IsPrintableText(self));
    case Method::kIsSpace:
      return Value::Bool(IsAllSpace(text));
    case Method::kIsTitle:
      return Value::Bool(IsTitleText(text));
    default:
      return Value::Bool(IsUpperText(text));
  }
}

// The bytes of a string from a slice's start to its end; false when the start is beyond the end.
bool Window(const Value& self, const Value& start, const Value& end, size_t* from, size_t* to) {
  const StringObject& string = self.string();
  const auto length = static_cast<int64_t>(string.length());
  if (start.is_integer() && start.integer() > length) return false;
  const SliceRange range = ResolveSlice(start, end, Value(), length);
  const bool backward = !end.is_missing() && !end.is_none() && range.count == 0 &&
                        ResolveSlice(Value(), end, Value(), length).count < range.start;
  if (backward) return false;
  *from = static_cast<size_t>(range.start);
  *to = static_cast<size_t>(range.start + range.count);
  if (string.is_ascii()) return true;
  self.object()->heap().SpendBytes(string.text().size());
  *from = OffsetOfCodePoint(string.text().bytes(), *from);
  *to = OffsetOfCodePoint(string.text().bytes(), *to);
  return true;
}

const Value& RequireText(const Value& value) {
  if (!value.is_string()) RaiseTypeError(StrCat("must be str, not ", TypeName(value)));
  return value;
}

Value Find(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  const Values bound = Bind(MethodName(method), {"/sub", "/start", "/end"}, 1, arguments);
  const std::string_view wanted = RequireText(bound[0]).bytes();
  heap.SpendBytes(self.text().size() * 2);
  size_t from = 0;
  size_t to = 0;
  const bool in_range = Window(self, bound[1], bound[2], &from, &to);
  const std::string_view window = in_range ? self.bytes().substr(from, to - from) : "";
  if (method == Method::kCount) {
    if (!in_range) return Value::Integer(0);
    if (wanted.empty()) return Value::Integer(static_cast<int64_t>(CountCodePoints(window)) + 1);
    int64_t count = 0;
    for (size_t at = FindBytes(window, wanted, 0); at != std::string_view::npos;
         at = FindBytes(window, wanted, at + wanted.size())) {
      ++count;
      heap.Spend(1);
    }
    return Value::Integer(count);
  }
  const bool last = method == Method::kRFind || method == Method::kRIndex;
  size_t found = std::string_view::npos;
  if (in_range) found = last ? FindLastBytes(window, wanted) : FindBytes(window, wanted, 0);
  if (found != std::string_view::npos) {
    return Value::Integer(
        static_cast<int64_t>(CountCodePoints(self.bytes().substr(0, from + found))));
  }
  if (method == Method::kIndex || method == Method::kRIndex) {
    RaiseValueError("substring not found");
  }
  return Value::Integer(-1);
}

Value StartsOrEndsWith(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  const bool starts = method == Method::kStartsWith;
  const Values bound = Bind(MethodName(method), {"/prefix", "/start", "/end"}, 1, arguments);
  const std::span<const Value> candidates =
      bound[0].is_tuple() ? std::span(bound[0].items()) : std::span(&bound[0], 1);
  size_t from = 0;
  size_t to = 0;
  const bool in_range = Window(self, bound[1], bound[2], &from, &to);
  const std::string_view window = in_range ? self.bytes().substr(from, to - from) : "";
  for (const Value& candidate : candidates) {
    if (!candidate.is_string()) {
      RaiseTypeError(bound[0].is_tuple()
                         ? StrCat("tuple for ", MethodName(method), " must only contain str, not ",
                                  TypeName(candidate))
                         : StrCat(MethodName(method),
                                  " first arg must be str or a tuple of str, not ",
                                  TypeName(candidate)));
    }
    heap.SpendBytes(candidate.text().size());
    if (!in_range) continue;
    if (starts ? window.starts_with(candidate.bytes()) : window.ends_with(candidate.bytes())) {
      return Value::Bool(true);
    }
  }
  return Value::Bool(false);
}

Text Padding(Heap& heap, const Text& fill, int64_t count) {
  Text text;
  if (count <= 0) return text;
  heap.CheckRoom(static_cast<size_t>(count), fill.size());
  heap.Spend(count / 8 + 1);
  for (int64_t i = 0; i < count; ++i) text.Append(fill);
  return text;
}

Value Justify(Heap& heap, const Value& self, const Text& fill, int64_t left, int64_t right) {
  Text text = Padding(heap, fill, left);
  text.Append(self.text());
  text.Append(Padding(heap, fill, right));
  return MakeString(heap, std::move(text), self.string().is_markup());
}

Value Pad(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  const Values bound = Bind(MethodName(method), {"/width", "/fillchar"}, 1, arguments);
  const int64_t width = RequireInteger(bound[0]);
  Text fill(" ");
  if (!bound[1].is_missing()) {
    if (!bound[1].is_string() || bound[1].string().length() != 1) {
      RaiseTypeError("The fill character must be exactly one character long");
    }
    fill = bound[1].text();
    if (self.string().is_markup() && !bound[1].string().is_markup()) fill = EscapeHtml(heap, fill);
  }
  const auto length = static_cast<int64_t>(self.string().length());
  const int64_t missing = width > length ? width - length : 0;
  if (method == Method::kLJust) return Justify(heap, self, fill, 0, missing);
  if (method == Method::kRJust) return Justify(heap, self, fill, missing, 0);
  const int64_t left = missing / 2 + (missing & width & 1);
  return Justify(heap, self, fill, left, missing - left);
}

Value ZeroFill(Heap& heap, const Value& self, const Arguments& arguments) {
  const int64_t width = RequireInteger(Bind("zfill", {"/width"}, 1, arguments)[0]);
  const auto length = static_cast<int64_t>(self.string().length());
  const Text& text = self.text();
  const bool sign = !text.empty() && (text.bytes()[0] == '+' || text.bytes()[0] == '-');
  Text result = text.Substring(0, sign ? 1 : 0);
  result.Append(Padding(heap, Text("0"), width > length ? width - length : 0));
  result.Append(text, sign ? 1 : 0, text.size());
  return MakeString(heap, std::move(result), self.string().is_markup());
}

Value ExpandTabs(Heap& heap, const Value& self, const Arguments& arguments) {
  const Values bound = Bind("expandtabs", {"tabsize"}, 0, arguments);
  const int64_t size = bound[0].is_missing() ? 8 : RequireInteger(bound[0]);
  const Text& text = self.text();
  heap.SpendBytes(text.size() * 16);
  heap.CheckRoom(text.memory());
  Text result;
  int64_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text.bytes(), at);
    if (character.code_point == '\t') {
      const int64_t spaces = size > 0 ? size - column % size : 0;
      heap.CheckRoom(result.size() + static_cast<size_t>(spaces));
      heap.SpendBytes(static_cast<size_t>(spaces));
      result.Append(std::string(static_cast<size_t>(spaces), ' '), text.IsData(at));
      column += spaces;
    } else {
      result.Append(text, at, character.end);
      const bool line_end = character.code_point == '\n' || character.code_point == '\r';
      column = line_end ? 0 : column + 1;
    }
    at = character.end;
  }
  return MakeString(heap, std::move(result), self.string().is_markup());
}

Value RemoveAffix(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  const Value affix = Bind(MethodName(method), {"/affix"}, 1, arguments)[0];
  const std::string_view text = self.bytes();
  const std::string_view wanted = RequireText(affix).bytes();
  heap.SpendBytes(text.size());
  const bool is_markup = self.string().is_markup();
  if (method == Method::kRemovePrefix && text.starts_with(wanted)) {
    return MakeString(heap, self.text().Substring(wanted.size(), text.size()), is_markup);
  }
  if (method == Method::kRemoveSuffix && text.ends_with(wanted)) {
    return MakeString(heap, self.text().Substring(0, text.size() - wanted.size()), is_markup);
  }
  return self;
}

// What a Markup's method takes for an argument: text that is no Markup is escaped first.
Text Argument(Heap& heap, const Value& self, const Value& argument) {
  if (!self.string().is_markup() || argument.string().is_markup()) return argument.text();
  return EscapeHtml(heap, argument.text());
}

Value Join(Heap& heap, const Value& self, const Arguments& arguments) {
  const Value iterable = Bind("join", {"/iterable"}, 1, arguments)[0];
  if (!IsIterable(iterable)) RaiseTypeError("can only join an iterable");
  Values items = Collect(heap, iterable);
  const bool is_markup = self.string().is_markup();
  for (size_t i = 0; i < items.size(); ++i) {
    if (is_markup) {
      items[i] = MakeString(heap, Escape(heap, items[i]), /*is_markup=*/true);
    } else if (!items[i].is_string()) {
      RaiseTypeError(
          StrCat("sequence item ", i, ": expected str instance, ", TypeName(items[i]), " found"));
    }
  }
  const Value joined = JoinTexts(heap, self.text(), items);
  return is_markup ? MakeString(heap, joined.text(), true) : joined;
}

Value Replace(Heap& heap, const Value& self, const Arguments& arguments) {
  const Values bound = Bind("replace", {"/old", "/new", "/count"}, 2, arguments);
  for (size_t i = 0; i < 2; ++i) {
    if (!bound[i].is_string()) {
      RaiseTypeError(
          StrCat("replace() argument ", i + 1, " must be str, not ", TypeName(bound[i])));
    }
  }
  const int64_t count = bound[2].is_missing() ? -1 : RequireInteger(bound[2]);
  return ReplaceText(heap, self.text(), bound[0].text(), Argument(heap, self, bound[1]), count,
                     self.string().is_markup());
}

Value MapMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  Bind(MethodName(method), {}, 0, arguments);
  // A table is looked up for each character.
  heap.SpendBytes(self.text().size() * 16);
  heap.CheckRoom(self.text().memory(), 3);
  const bool is_markup = self.string().is_markup();
  switch (method) {
    case Method::kLower:
      return MakeString(heap, MapCase(self.text(), CaseMapping::kLower), is_markup);
    case Method::kUpper:
      return MakeString(heap, MapCase(self.text(), CaseMapping::kUpper), is_markup);
    case Method::kCasefold:
      return MakeString(heap, MapCase(self.text(), CaseMapping::kFold), is_markup);
    default:
      return MakeString(heap, MapEach(self.text(), method), is_markup);
  }
}

}  // namespace

bool IsLowerText(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    if (IsUpper(character.code_point) || IsTitleCase(character.code_point)) return false;
    any = any || IsLower(character.code_point);
    at = character.end;
  }
  return any;
}

bool IsUpperText(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    if (IsLower(character.code_point) || IsTitleCase(character.code_point)) return false;
    any = any || IsUpper(character.code_point);
    at = character.end;
  }
  return any;
}

Value CenterText(Heap& heap, const Value& text, int64_t width) {
  return Pad(heap, text, Method::kCenter, {.positional = {Value::Integer(width)}});
}

Value CallStringMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  switch (method) {
    case Method::kCapitalize:
    case Method::kCasefold:
    case Method::kLower:
    case Method::kSwapCase:
    case Method::kTitle:
    case Method::kUpper:
      return MapMethod(heap, self, method, arguments);
    case Method::kCenter:
    case Method::kLJust:
    case Method::kRJust:
      return Pad(heap, self, method, arguments);
    case Method::kCount:
    case Method::kFind:
    case Method::kIndex:
    case Method::kRFind:
    case Method::kRIndex:
      return Find(heap, self, method, arguments);
    case Method::kStartsWith:
    case Method::kEndsWith:
      return StartsOrEndsWith(heap, self, method, arguments);
    case Method::kExpandTabs:
      return ExpandTabs(heap, self, arguments);
    case Method::kFormat:
      return FormatBraces(heap, self, arguments);
    case Method::kFormatMap: {
      if (!arguments.keywords.empty()) {
        RaiseTypeError("format_map() takes no keyword arguments");
      }
      if (arguments.positional.size() != 1) {
        RaiseTypeError(StrCat("format_map() takes exactly one argument (",
                              arguments.positional.size(), " given)"));
      }
      Arguments mapped;
      if (arguments.positional[0].is_dict()) {
        heap.Spend(static_cast<int64_t>(arguments.positional[0].dict().entries().size()));
        for (const auto& [key, value] : arguments.positional[0].dict().entries()) {
          if (key.is_string()) mapped.keywords.emplace_back(key.bytes(), value);
        }
      }
      return FormatBraces(heap, self, mapped);
    }
    case Method::kJoin:
      return Join(heap, self, arguments);
    case Method::kReplace:
      return Replace(heap, self, arguments);
    case Method::kRemovePrefix:
    case Method::kRemoveSuffix:
      return RemoveAffix(heap, self, method, arguments);
    case Method::kZFill:
      return ZeroFill(heap, self, arguments);
    case Method::kLStrip:
    case Method::kPartition:
    case Method::kRPartition:
    case Method::kRSplit:
    case Method::kRStrip:
    case Method::kSplit:
    case Method::kSplitLines:
    case Method::kStrip:
      return CallSplittingMethod(heap, self, method, arguments);
    default:
      Bind(MethodName(method), {}, 0, arguments);
      return Test(heap, self, method);
  }
}

}  // namespace firstlight::jinja
