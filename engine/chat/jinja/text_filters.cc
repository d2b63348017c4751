// Filters about text.

#include <algorithm>
#include <string>
#include <utility>

#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/formatting.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/json_text.h"
#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

bool IsMarkup(const Value& value) { return value.is_string() && value.string().is_markup(); }

template <Method kMethod>
Value WithoutArguments(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind(MethodName(kMethod), {}, 0, arguments);
  return CallStringMethod(heap, ToString(heap, value), kMethod, {});
}

Value DoTitle(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_title", {}, 0, arguments);
  const Value string = ToString(heap, value);
  const Text& text = string.text();
  heap.SpendBytes(text.size() * 64);
  const auto is_separator = [](char32_t c) {
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || IsSpace(c);
  };
  Text result;
  for (size_t at = 0; at < text.size();) {
    const Character first = CharacterAt(text.bytes(), at);
    size_t end = first.end;
    if (is_separator(first.code_point)) {
      result.Append(text, at, end);
      at = end;
      continue;
    }
    while (end < text.size()) {
      const Character next = CharacterAt(text.bytes(), end);
      if (is_separator(next.code_point)) break;
      end = next.end;
    }
    result.Append(MapCase(text.Substring(at, first.end), CaseMapping::kUpper));
    result.Append(MapCase(text.Substring(first.end, end), CaseMapping::kLower));
    at = end;
  }
  // Joined again, it is no Markup.
  return MakeString(heap, std::move(result));
}

Value DoTrim(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_trim", {"chars"}, 0, arguments);
  return StripText(heap, ToString(heap, value), bound[0], /*left=*/true, /*right=*/true);
}

Value DoReplace(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_replace", {"old", "new", "count"}, 2, arguments);
  const int64_t count = bound[2].is_missing() || bound[2].is_none() ? -1 : RequireInteger(bound[2]);
  return ReplaceText(heap, Str(value), Str(bound[0]), Str(bound[1]), count, /*is_markup=*/false);
}

Value DoString(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("soft_str", {}, 0, arguments);
  return ToString(heap, value);
}

Value DoCenter(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_center", {"width"}, 0, arguments);
  constexpr int64_t kDefault = 80;
  return CenterText(heap, ToString(heap, value),
                    bound[0].is_missing() ? kDefault : RequireInteger(bound[0]));
}

Value DoJoin(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_join", {"d", "attribute"}, 0, arguments);
  const Text separator = bound[0].is_missing() ? Text() : Str(bound[0]);
  const bool by_attribute = !bound[1].is_missing() && !bound[1].is_none();
  const AttributeGetter getter(heap, bound[1], Value());
  Values items = Collect(heap, value);
  for (Value& item : items) {
    if (by_attribute) item = getter.Get(item, /*lower=*/false);
    item = MakeString(heap, Str(item));
  }
  return JoinTexts(heap, separator, items);
}

Value DoFormat(Heap& heap, const Value& value, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.keywords.empty()) {
    throw TemplateError("FilterArgumentError",
                        "can't handle positional and keyword arguments at the same time");
  }
  Value values;
  if (arguments.keywords.empty()) {
    values = MakeTuple(heap, arguments.positional);
  } else {
    values = MakeDict(heap);
    for (const auto& [name, keyword] : arguments.keywords) {
      values.dict().Set(MakeString(heap, name), keyword);
    }
  }
  return FormatPercent(heap, ToString(heap, value), values);
}

Value DoIndent(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_indent", {"width", "first", "blank"}, 0, arguments);
  Text indention("    ");
  if (bound[0].is_string()) {
    indention = bound[0].text();
  } else if (!bound[0].is_missing()) {
    indention = Apply(heap, BinaryOperator::kMultiply, MakeString(heap, " "), bound[0]).text();
  }
  if (IsMarkup(value) && !IsMarkup(bound[0])) indention = EscapeHtml(heap, indention);
  if (value.is_list()) {
    throw TemplateError("AttributeError", "'list' object has no attribute 'splitlines'");
  }
  if (!value.is_string() && !value.is_undefined() && !value.is_tuple()) {
    RaiseTypeError(StrCat("unsupported operand type(s) for +=: '", TypeName(value), "' and 'str'"));
  }
  const bool first = !bound[1].is_missing() && Truth(bound[1]);
  const bool blank = !bound[2].is_missing() && Truth(bound[2]);
  const Value whole = Apply(heap, BinaryOperator::kAdd, value, MakeString(heap, "\n"));
  const Values lines = SplitLines(heap, whole, /*keep_ends=*/false);
  heap.CheckRoom(lines.size() + 1, indention.memory());
  Text result;
  if (first) result.Append(indention);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      // Where the lines are data's, so are their ends.
      result.Append("\n", whole.text().has_data());
      if (blank || !lines[i].text().empty()) result.Append(indention);
    }
    result.Append(lines[i].text());
  }
  return MakeString(heap, std::move(result), IsMarkup(value));
}

Value DoTruncate(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_truncate", {"length", "killwords", "end", "leeway"}, 0, arguments);
  constexpr int64_t kDefaultLength = 255;
  constexpr int64_t kDefaultLeeway = 5;
  const int64_t length = bound[0].is_missing() ? kDefaultLength : RequireInteger(bound[0]);
  const bool kill_words = !bound[1].is_missing() && Truth(bound[1]);
  const Value end = OrElse(bound[2], MakeString(heap, "..."));
  const int64_t leeway =
      bound[3].is_missing() || bound[3].is_none() ? kDefaultLeeway : RequireInteger(bound[3]);
  const int64_t end_length = Length(end);
  if (length < end_length) {
    throw TemplateError("AssertionError",
                        StrCat("expected length >= ", end_length, ", got ", length));
  }
  if (leeway < 0) {
    throw TemplateError("AssertionError", StrCat("expected leeway >= 0, got ", leeway));
  }
  if (Length(value) - leeway <= length) return value;
  Value kept = Slice(heap, value, Value(), Value::Integer(length - end_length), Value());
  if (!kill_words) {
    if (!kept.is_string()) {
      throw TemplateError("AttributeError",
                          StrCat("'", TypeName(kept), "' object has no attribute 'rsplit'"));
    }
    const size_t space = kept.bytes().rfind(' ');
    if (space != std::string_view::npos) {
      kept = MakeString(heap, kept.text().Substring(0, space), IsMarkup(kept));
    }
  }
  return Apply(heap, BinaryOperator::kAdd, kept, end);
}

Value DoWordCount(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_wordcount", {}, 0, arguments);
  const Text text = Str(value);
  heap.SpendBytes(text.size() * 32);
  int64_t words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text.bytes(), at);
    const char32_t c = character.code_point;
    const bool word = c == '_' || IsAlphabetic(c) || IsNumericCharacter(c);
    if (word && !in_word) ++words;
    in_word = word;
    at = character.end;
  }
  return Value::Integer(words);
}

Value DoToJson(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound =
      Bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0, arguments);
  return MakeString(heap, ToJson(heap, value, bound[0], bound[1], bound[2], bound[3]));
}

constexpr Filter kFilters[] = {
    {"upper", WithoutArguments<Method::kUpper>},
    {"lower", WithoutArguments<Method::kLower>},
    {"capitalize", WithoutArguments<Method::kCapitalize>},
    {"title", DoTitle},
    {"trim", DoTrim},
    {"replace", DoReplace},
    {"string", DoString},
    {"center", DoCenter},
    {"join", DoJoin},
    {"format", DoFormat},
    {"indent", DoIndent},
    {"truncate", DoTruncate},
    {"wordcount", DoWordCount},
    {"tojson", DoToJson},
};

}  // namespace

std::span<const Filter> TextFilters() { return kFilters; }

}  // namespace firstlight::jinja
