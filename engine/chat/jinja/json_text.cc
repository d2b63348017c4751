#include "engine/chat/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/merge_sort.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

std::string FloatJson(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  return FloatRepr(number);
}

class Writer {
 public:
  Writer(Heap& heap, const Value& ensure_ascii, const Value& indent, const Value& separators,
         const Value& sort_keys)
      : heap_(heap),
        ensure_ascii_(!ensure_ascii.is_missing() && Truth(ensure_ascii)),
        sort_keys_(!sort_keys.is_missing() && Truth(sort_keys)) {
    const bool has_indent = !indent.is_missing() && !indent.is_none();
    if (indent.is_string()) {
      indent_ = indent.text();
    } else if (has_indent) {
      if (indent.is_undefined()) indent.undefined().Fail();
      const int64_t width = RequireInteger(indent);
      constexpr int64_t kMost = 10'000;
      if (width > kMost) RaiseValueError("the indent of tojson is too wide");
      indent_ = Text(std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '));
    }
    item_separator_ = Text(has_indent ? "," : ", ");
    key_separator_ = Text(": ");
    if (!separators.is_missing() && !separators.is_none()) SetSeparators(separators);
  }

  Text Write(const Value& value) {
    Append(value, 0);
    return std::move(out_);
  }

 private:
  void SetSeparators(const Value& separators) {
    if (!separators.is_list() && !separators.is_tuple()) {
      RaiseTypeError(StrCat("cannot unpack non-iterable ", TypeName(separators), " object"));
    }
    const Values& items = separators.items();
    if (items.size() != 2) {
      RaiseValueError(items.size() < 2 ? StrCat("not enough values to unpack (expected 2, got ",
                                                items.size(), ")")
                                       : std::string("too many values to unpack (expected 2)"));
    }
    item_separator_ = RequireString(items[0], "separator").text();
    key_separator_ = RequireString(items[1], "separator").text();
  }

  void Append(const Value& value, size_t level) {
    const bool from_data = value.from_data();
    heap_.Spend(1);
    heap_.CheckRoom(out_.memory() * 2);
    switch (value.kind()) {
      case Kind::kNone:
        out_.Append("null", from_data);
        return;
      case Kind::kBool:
        out_.Append(value.boolean() ? "true" : "false", from_data);
        return;
      case Kind::kInteger:
        out_.Append(StrCat(value.integer()), from_data);
        return;
      case Kind::kFloat:
        out_.Append(FloatJson(value.number()), from_data);
        return;
      case Kind::kHugeInteger:
        out_.Append(value.text());
        return;
      case Kind::kString:
        AppendString(value.text());
        return;
      case Kind::kList:
      case Kind::kTuple:
        AppendArray(value, level);
        return;
      case Kind::kDict:
        AppendObject(value, level);
        return;
      default:
        RaiseTypeError(StrCat("Object of type ", TypeName(value), " is not JSON serializable"));
    }
  }

  void NewLine(size_t level, bool from_data) {
    if (!indent_.has_value()) return;
    heap_.CheckRoom(out_.size() + level * indent_->size());
    heap_.SpendBytes(level * indent_->size());
    out_.Append("\n", from_data);
    for (size_t i = 0; i < level; ++i) {
      if (from_data) {
        out_.Append(indent_->bytes(), true);
      } else {
        out_.Append(*indent_);
      }
    }
  }

  void AppendSeparator(const Text& separator, bool from_data) {
    heap_.SpendCopy(separator.memory());
    heap_.CheckRoom(out_.memory() + separator.memory());
    if (from_data) {
      out_.Append(separator.bytes(), true);
    } else {
      out_.Append(separator);
    }
  }

  void AppendArray(const Value& value, size_t level) {
    const Heap::Depth depth(heap_);
    const bool from_data = value.from_data();
    if (value.items().empty()) {
      out_.Append("[]", from_data);
      return;
    }
    out_.Append("[", from_data);
    bool first = true;
    for (const Value& item : value.items()) {
      if (!first) AppendSeparator(item_separator_, from_data);
      first = false;
      NewLine(level + 1, from_data);
      Append(item, level + 1);
    }
    NewLine(level, from_data);
    out_.Append("]", from_data);
  }

  void AppendKey(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        AppendString(key.text());
        return;
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInteger:
      case Kind::kFloat:
      case Kind::kHugeInteger:
        out_.Append("\"", key.from_data());
        Append(key, 0);
        out_.Append("\"", key.from_data());
        return;
      default:
        RaiseTypeError(StrCat("keys must be str, int, float, bool or None, not ", TypeName(key)));
    }
  }

  void AppendObject(const Value& value, size_t level) {
    const Heap::Depth depth(heap_);
    const bool from_data = value.from_data();
    if (value.dict().entries().empty()) {
      out_.Append("{}", from_data);
      return;
    }
    std::vector<const DictObject::Entry*> entries;
    entries.reserve(value.dict().entries().size());
    for (const DictObject::Entry& entry : value.dict().entries()) entries.push_back(&entry);
    if (sort_keys_) {
      heap_.Spend(static_cast<int64_t>(entries.size()) * 4);
      MergeSort(entries, [](const auto* a, const auto* b) { return Less(a->first, b->first); });
    }
    out_.Append("{", from_data);
    bool first = true;
    for (const DictObject::Entry* entry : entries) {
      if (!first) AppendSeparator(item_separator_, from_data);
      first = false;
      NewLine(level + 1, from_data);
      AppendKey(entry->first);
      AppendSeparator(key_separator_, from_data);
      Append(entry->second, level + 1);
    }
    NewLine(level, from_data);
    out_.Append("}", from_data);
  }

  void AppendString(const Text& text) {
    heap_.SpendBytes(text.size() * 16);
    heap_.CheckRoom(text.size() * 6);
    // The quotes of data are data: nothing of the template's says where they end.
    const bool quote_is_data = text.has_data();
    out_.Append("\"", quote_is_data);
    size_t plain = 0;
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text.bytes()[at]);
      if (byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x7F || !ensure_ascii_)) {
        ++at;
        continue;
      }
      out_.Append(text, plain, at);
      const Character character = CharacterAt(text.bytes(), at);
      out_.Append(EscapeCharacter(character.code_point), text.IsData(at));
      plain = at = character.end;
    }
    out_.Append(text, plain, text.size());
    out_.Append("\"", quote_is_data);
  }

  static std::string EscapeCharacter(char32_t code_point) {
    switch (code_point) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\f':
        return "\\f";
      case '\b':
        return "\\b";
      default:
        break;
    }
    constexpr char32_t kFirstSupplementary = 0x10000;
    if (code_point >= kFirstSupplementary) {
      const char32_t offset = code_point - kFirstSupplementary;
      return EscapeUnit(0xD800 | (offset >> 10)) + EscapeUnit(0xDC00 | (offset & 0x3FF));
    }
    return EscapeUnit(code_point);
  }

  static std::string EscapeUnit(char32_t unit) {
    std::string result = "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
      result.push_back("0123456789abcdef"[(unit >> shift) & 0xF]);
    }
    return result;
  }

  Heap& heap_;
  const bool ensure_ascii_;
  const bool sort_keys_;
  std::optional<Text> indent_;
  Text item_separator_;
  Text key_separator_;
  Text out_;
};

}  // namespace

Text ToJson(Heap& heap, const Value& value, const Value& ensure_ascii, const Value& indent,
            const Value& separators, const Value& sort_keys) {
  return Writer(heap, ensure_ascii, indent, separators, sort_keys).Write(value);
}

}  // namespace firstlight::jinja
