// str(), repr() and the names of types.

#include <string>
#include <string_view>

#include <utf8proc.h>

#include "engine/chat/jinja/function.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/loop.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// str.isprintable of one character.
bool IsPrintable(char32_t code_point) {
  if (code_point < 0x7F) return code_point >= 0x20;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

void AppendEscaped(char32_t code_point, std::string& out) {
  const auto hex = [&](char letter, int digits) {
    out.push_back('\\');
    out.push_back(letter);
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
      out.push_back(kHexDigits[(code_point >> shift) & 0xF]);
    }
  };
  switch (code_point) {
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      break;
  }
  if (code_point < 0x100) {
    hex('x', 2);
  } else if (code_point < 0x10000) {
    hex('u', 4);
  } else {
    hex('U', 8);
  }
}

void AppendStringRepr(const Text& text, Text& out) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const bool has_double = text.bytes().find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  // The quotes of what is data throughout are data too.
  const bool quote_is_data = text.has_data();
  out.Append(std::string_view(&quote, 1), quote_is_data);
  size_t plain = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text.bytes(), at);
    const bool backslash =
        character.code_point == '\\' || character.code_point == static_cast<char32_t>(quote);
    if (backslash || !IsPrintable(character.code_point)) {
      out.Append(text, plain, at);
      std::string escaped;
      if (backslash) {
        escaped = {'\\', static_cast<char>(character.code_point)};
      } else {
        AppendEscaped(character.code_point, escaped);
      }
      out.Append(escaped, text.IsData(at));
      plain = character.end;
    }
    at = character.end;
  }
  out.Append(text, plain, text.size());
  out.Append(std::string_view(&quote, 1), quote_is_data);
}

void AppendRepr(const Value& value, Text& out);

void AppendItems(const Values& items, bool from_data, Text& out) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.Append(", ", from_data);
    first = false;
    AppendRepr(item, out);
  }
}

void AppendDict(const DictObject& dict, bool from_data, Text& out) {
  out.Append("{", from_data);
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out.Append(", ", from_data);
    first = false;
    AppendRepr(key, out);
    out.Append(": ", from_data);
    AppendRepr(value, out);
  }
  out.Append("}", from_data);
}

void AppendView(const Value& value, Text& out) {
  const DictViewObject& view = value.dict_view();
  out.Append(StrCat(TypeName(value), "(["));
  bool first = true;
  for (const auto& [key, item] : view.dict().dict().entries()) {
    if (!first) out.Append(", ");
    first = false;
    switch (view.which()) {
      case DictViewKind::kKeys:
        AppendRepr(key, out);
        break;
      case DictViewKind::kValues:
        AppendRepr(item, out);
        break;
      case DictViewKind::kItems:
        out.Append("(");
        AppendRepr(key, out);
        out.Append(", ");
        AppendRepr(item, out);
        out.Append(")");
        break;
    }
  }
  out.Append("])");
}

void AppendObject(const Value& value, Text& out) {
  Heap& heap = value.object()->heap();
  const Heap::Depth depth(heap);
  heap.Spend(1);
  heap.CheckRoom(out.memory() * 2);
  switch (value.kind()) {
    case Kind::kUndefined:
      out.Append("Undefined");
      return;
    case Kind::kString:
      heap.SpendBytes(value.text().size() * 32);
      if (value.string().is_markup()) out.Append("Markup(");
      AppendStringRepr(value.text(), out);
      if (value.string().is_markup()) out.Append(")");
      return;
    case Kind::kHugeInteger:
      out.Append(value.text());
      return;
    case Kind::kList:
      out.Append("[", value.from_data());
      AppendItems(value.items(), value.from_data(), out);
      out.Append("]", value.from_data());
      return;
    case Kind::kTuple:
      out.Append("(");
      AppendItems(value.items(), false, out);
      out.Append(value.items().size() == 1 ? ",)" : ")");
      return;
    case Kind::kDict:
      AppendDict(value.dict(), value.from_data(), out);
      return;
    case Kind::kDictView:
      AppendView(value, out);
      return;
    case Kind::kRange: {
      const RangeObject& range = value.range();
      out.Append(StrCat("range(", range.start(), ", ", range.stop()));
      if (range.step() != 1) out.Append(StrCat(", ", range.step()));
      out.Append(")");
      return;
    }
    case Kind::kNamespace:
      out.Append("<Namespace ");
      AppendDict(value.namespace_object().attributes(), false, out);
      out.Append(">");
      return;
    case Kind::kLoop:
      out.Append(StrCat("<LoopContext ", value.loop().index_from_zero() + 1, "/",
                        value.loop().Length(), ">"));
      return;
    case Kind::kFunction:
      out.Append(value.function().Describe());
      return;
    default:
      // Python shows an address here, which is never the same.
      out.Append(StrCat("<", TypeName(value), " object>"));
      return;
  }
}

void AppendRepr(const Value& value, Text& out) {
  switch (value.kind()) {
    case Kind::kMissing:
      return;
    case Kind::kNone:
      out.Append("None", value.from_data());
      return;
    case Kind::kBool:
      out.Append(value.boolean() ? "True" : "False", value.from_data());
      return;
    case Kind::kInteger:
      out.Append(StrCat(value.integer()), value.from_data());
      return;
    case Kind::kFloat:
      out.Append(FloatRepr(value.number()), value.from_data());
      return;
    default:
      AppendObject(value, out);
      return;
  }
}

}  // namespace

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
      return "missing";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInteger:
    case Kind::kHugeInteger:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kString:
      return value.string().is_markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return value.sequence().is_group() ? "_GroupTuple" : "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kDictView:
      switch (value.dict_view().which()) {
        case DictViewKind::kKeys:
          return "dict_keys";
        case DictViewKind::kValues:
          return "dict_values";
        case DictViewKind::kItems:
          break;
      }
      return "dict_items";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return value.iterator().type();
    case Kind::kNamespace:
      return "TemplateNamespace";
    case Kind::kFunction:
      return value.function().TypeName();
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kJoiner:
      return "Joiner";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kBlocks:
      return "TemplateReference";
  }
  return "object";
}

std::string_view DescribeType(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "bool object";
    case Kind::kInteger:
    case Kind::kHugeInteger:
      return "int object";
    case Kind::kFloat:
      return "float object";
    case Kind::kString:
      return value.string().is_markup() ? "markupsafe.Markup object" : "str object";
    case Kind::kList:
      return "list object";
    case Kind::kTuple:
      return value.sequence().is_group() ? "jinja2.filters._GroupTuple object" : "tuple object";
    case Kind::kDict:
      return "dict object";
    case Kind::kDictView:
      switch (value.dict_view().which()) {
        case DictViewKind::kKeys:
          return "dict_keys object";
        case DictViewKind::kValues:
          return "dict_values object";
        case DictViewKind::kItems:
          break;
      }
      return "dict_items object";
    case Kind::kRange:
      return "range object";
    case Kind::kIterator:
      return value.iterator().type() == "generator" ? "generator object" : "iterator object";
    case Kind::kNamespace:
      return "transformers.utils.chat_template_utils.TemplateNamespace object";
    case Kind::kLoop:
      return "jinja2.runtime.LoopContext object";
    case Kind::kJoiner:
      return "jinja2.utils.Joiner object";
    case Kind::kCycler:
      return "jinja2.utils.Cycler object";
    case Kind::kBlocks:
      return "jinja2.runtime.TemplateReference object";
    case Kind::kFunction:
      return value.function().DescribeType();
    default:
      return "object";
  }
}

Text Repr(const Value& value) {
  Text out;
  AppendRepr(value, out);
  return out;
}

Text Str(const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return Text();
  return Repr(value);
}

Value ToString(Heap& heap, const Value& value) {
  if (value.is_string()) return value;
  return MakeString(heap, Str(value));
}

Text EscapeHtml(Heap& heap, const Text& text) {
  heap.SpendBytes(text.size() * 4);
  const auto replacement = [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '\'':
        return "&#39;";
      case '"':
        return "&#34;";
      default:
        return {};
    }
  };
  size_t added = 0;
  for (const char c : text.bytes()) added += replacement(c).size();
  heap.CheckRoom(text.memory() + added);
  Text out;
  out.Reserve(text.size() + added);
  size_t plain = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const std::string_view escaped = replacement(text.bytes()[at]);
    if (escaped.empty()) continue;
    out.Append(text, plain, at);
    out.Append(escaped, text.IsData(at));
    plain = at + 1;
  }
  out.Append(text, plain, text.size());
  return out;
}

Text Escape(Heap& heap, const Value& value) {
  if (value.is_string() && value.string().is_markup()) return value.text();
  return EscapeHtml(heap, Str(value));
}

}  // namespace firstlight::jinja
