// Filters about HTML and URLs.

#include <string>
#include <utility>

#include "engine/chat/jinja/filters.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

Value DoSafe(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_mark_safe", {}, 0, arguments);
  return MakeString(heap, Str(value), /*is_markup=*/true);
}

Value DoEscape(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("escape", {}, 0, arguments);
  return MakeString(heap, Escape(heap, value), /*is_markup=*/true);
}

// Escapes also what is a Markup already.
Value DoForceEscape(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_forceescape", {}, 0, arguments);
  return MakeString(heap, EscapeHtml(heap, Str(value)), /*is_markup=*/true);
}

// The text of HTML without its comments and tags, its references resolved by name for the few that
// escaping makes, and its white space collapsed.
Value DoStripTags(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_striptags", {}, 0, arguments);
  Text text = Str(value);
  heap.SpendBytes(text.size() * 4);
  const auto remove = [&](std::string_view open, std::string_view close) {
    Text kept;
    size_t at = 0;
    while (true) {
      const size_t begin = FindBytes(text.bytes(), open, at);
      const size_t end =
          begin == std::string_view::npos ? begin : FindBytes(text.bytes(), close, begin);
      if (end == std::string_view::npos) break;
      kept.Append(text, at, begin);
      at = end + close.size();
    }
    kept.Append(text, at, text.size());
    text = std::move(kept);
  };
  remove("<!--", "-->");
  remove("<", ">");
  Text joined;
  const Values words = SplitAtSpaces(heap, MakeString(heap, std::move(text)), -1);
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) joined.Append(" ");
    joined.Append(words[i].text());
  }
  if (joined.bytes().find('&') != std::string::npos) {
    throw TemplateError::Unimplemented(
        "the filter \"striptags\" is not implemented for text with character references");
  }
  return MakeString(heap, std::move(joined));
}

bool IsUnreserved(char c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '.' ||
         c == '-' || c == '~';
}

Text Quote(Heap& heap, const Text& text, bool for_query) {
  heap.SpendBytes(text.size() * 16);
  heap.CheckRoom(text.size(), 3);
  Text result;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text.bytes()[at];
    if (IsUnreserved(c) || (c == '/' && !for_query)) {
      result.Append(text, at, at + 1);
    } else if (c == ' ' && for_query) {
      result.Append("+", text.IsData(at));
    } else {
      const auto byte = static_cast<unsigned char>(c);
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      const char escaped[] = {'%', kDigits[byte >> 4], kDigits[byte & 15]};
      result.Append(std::string_view(escaped, sizeof(escaped)), text.IsData(at));
    }
  }
  return result;
}

Value DoUrlEncode(Heap& heap, const Value& value, const Arguments& arguments) {
  Bind("do_urlencode", {}, 0, arguments);
  if (value.is_string() || !IsIterable(value)) {
    return MakeString(heap, Quote(heap, Str(value), /*for_query=*/false));
  }
  Value pairs = value;
  if (value.is_dict()) {
    pairs = Value(Kind::kDictView, new DictViewObject(heap, DictViewKind::kItems, value));
  }
  Text result;
  for (const Value& pair : Collect(heap, pairs)) {
    if (!IsIterable(pair)) {
      RaiseTypeError(StrCat("cannot unpack non-iterable ", TypeName(pair), " object"));
    }
    const Values parts = Collect(heap, pair);
    if (parts.size() != 2) {
      RaiseValueError(parts.size() < 2 ? StrCat("not enough values to unpack (expected 2, got ",
                                                parts.size(), ")")
                                       : std::string("too many values to unpack (expected 2)"));
    }
    if (!result.empty()) result.Append("&");
    result.Append(Quote(heap, Str(parts[0]), /*for_query=*/true));
    result.Append("=");
    result.Append(Quote(heap, Str(parts[1]), /*for_query=*/true));
    heap.CheckRoom(result.memory() * 2);
  }
  return MakeString(heap, std::move(result));
}

Value DoXmlAttr(Heap& heap, const Value& value, const Arguments& arguments) {
  const Values bound = Bind("do_xmlattr", {"autospace"}, 0, arguments);
  if (value.is_undefined()) value.undefined().Fail();
  if (!value.is_dict()) {
    throw TemplateError("AttributeError",
                        StrCat("'", TypeName(value), "' object has no attribute 'items'"));
  }
  const bool space = bound[0].is_missing() || Truth(bound[0]);
  Text result;
  for (const auto& [key, item] : value.dict().entries()) {
    heap.Spend(1);
    if (item.is_none() || item.is_undefined()) continue;
    if (!key.is_string()) {
      RaiseTypeError(StrCat("expected string or bytes-like object, got '", TypeName(key), "'"));
    }
    constexpr std::string_view kForbidden = " \t\n\r\f\v/>=";
    if (key.bytes().find_first_of(kForbidden) != std::string_view::npos) {
      RaiseValueError(StrCat("Invalid character in attribute name: ", Repr(key).ReleaseBytes()));
    }
    if (!result.empty()) result.Append(" ");
    result.Append(Escape(heap, key));
    result.Append("=\"");
    result.Append(Escape(heap, item));
    result.Append("\"");
    heap.CheckRoom(result.memory() * 2);
  }
  if (!space || result.empty()) return MakeString(heap, std::move(result));
  Text spaced(" ");
  spaced.Append(result);
  return MakeString(heap, std::move(spaced));
}

constexpr Filter kFilters[] = {
    {"safe", DoSafe},           {"e", DoEscape},
    {"escape", DoEscape},       {"forceescape", DoForceEscape},
    {"striptags", DoStripTags}, {"urlencode", DoUrlEncode},
    {"xmlattr", DoXmlAttr},
};

}  // namespace

std::span<const Filter> MarkupFilters() { return kFilters; }

}  // namespace firstlight::jinja
