// str.format.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/attributes.h"
#include "engine/chat/jinja/format_spec.h"
#include "engine/chat/jinja/formatting.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class BraceFormatter {
 public:
  BraceFormatter(Heap& heap, const Arguments& arguments, bool is_markup)
      : heap_(heap), arguments_(arguments), is_markup_(is_markup) {}

  Text Run(const Text& format, int depth) {
    if (depth < 0) RaiseValueError("Max string recursion exceeded");
    const std::string_view bytes = format.bytes();
    Text out;
    for (size_t at = 0; at < bytes.size();) {
      const size_t brace = bytes.find_first_of("{}", at);
      if (brace == std::string_view::npos) {
        out.Append(format, at, bytes.size());
        break;
      }
      out.Append(format, at, brace);
      const bool doubled = brace + 1 < bytes.size() && bytes[brace + 1] == bytes[brace];
      if (doubled) {
        out.Append(format, brace, brace + 1);
        at = brace + 2;
        continue;
      }
      if (bytes[brace] == '}') RaiseValueError("Single '}' encountered in format string");
      if (brace + 1 == bytes.size()) RaiseValueError("Single '{' encountered in format string");
      const size_t end = FieldEnd(bytes, brace + 1);
      Field(format, brace + 1, end, depth, out);
      at = end + 1;
      heap_.Spend(1);
      heap_.CheckRoom(out.memory() * 2);
    }
    return out;
  }

 private:
  static size_t FieldEnd(std::string_view bytes, size_t at) {
    int depth = 1;
    for (; at < bytes.size(); ++at) {
      if (bytes[at] == '{') ++depth;
      if (bytes[at] == '}' && --depth == 0) return at;
    }
    RaiseValueError("expected '}' before end of string");
  }

  void Field(const Text& format, size_t begin, size_t end, int depth, Text& out) {
    const std::string_view field = std::string_view(format.bytes()).substr(begin, end - begin);
    // The name may hold a key in brackets with any of the marks in it.
    size_t name_end = 0;
    bool in_brackets = false;
    for (; name_end < field.size(); ++name_end) {
      const char c = field[name_end];
      if (c == '[') in_brackets = true;
      if (c == ']') in_brackets = false;
      if (c == '{') RaiseValueError("unexpected '{' in field name");
      if (!in_brackets && (c == '!' || c == ':')) break;
    }
    char conversion = 0;
    size_t spec_begin = name_end;
    if (name_end < field.size() && field[name_end] == '!') {
      if (name_end + 1 >= field.size()) {
        RaiseValueError("end of string while looking for conversion specifier");
      }
      conversion = field[name_end + 1];
      spec_begin = name_end + 2;
      if (spec_begin < field.size() && field[spec_begin] != ':') {
        RaiseValueError("expected ':' after conversion specifier");
      }
    }
    Value value = Resolve(field.substr(0, name_end));
    Text spec;
    if (spec_begin < field.size()) {
      spec = Run(format.Substring(begin + spec_begin + 1, end), depth - 1);
    }
    bool safe = value.is_string() && value.string().is_markup();
    if (conversion == 's') {
      value = MakeString(heap_, Str(value));
    } else if (conversion == 'r') {
      value = MakeString(heap_, Repr(value));
    } else if (conversion == 'a') {
      throw TemplateError::Unimplemented("the conversion !a is not implemented");
    } else if (conversion != 0) {
      RaiseValueError(StrCat("Unknown conversion specifier ", std::string(1, conversion)));
    }
    safe = safe && conversion == 0;
    Text text = FormatValue(heap_, value, spec.bytes());
    if (is_markup_ && !safe) text = EscapeHtml(heap_, text);
    if (spec.has_data()) text.MarkAllAsData();
    out.Append(text);
  }

  Value Resolve(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = First(name.substr(0, first_end));
    std::string_view rest = name.substr(first_end);
    while (!rest.empty()) {
      heap_.Spend(1);
      if (rest[0] == '.') {
        const size_t end = std::min(rest.find_first_of(".[", 1), rest.size());
        if (end == 1) RaiseValueError("Empty attribute in format string");
        value = GetAttribute(heap_, value, MakeString(heap_, rest.substr(1, end - 1)));
        rest.remove_prefix(end);
        continue;
      }
      if (rest[0] != '[') {
        RaiseValueError("Only '.' or '[' may follow ']' in format field specifier");
      }
      const size_t end = rest.find(']');
      if (end == std::string_view::npos) RaiseValueError("Missing ']' in format string");
      const std::string_view key = rest.substr(1, end - 1);
      if (key.empty()) RaiseValueError("Empty attribute in format string");
      value = GetItem(heap_, value,
                      IsDigits(key) ? Value::Integer(ParseInteger(key, 10).value_or(0))
                                    : MakeString(heap_, key));
      rest.remove_prefix(end + 1);
    }
    return value;
  }

  Value First(std::string_view name) {
    if (name.empty() || IsDigits(name)) {
      size_t index = next_;
      if (name.empty()) {
        if (manual_) {
          RaiseValueError(
              "cannot switch from manual field specification to automatic field numbering");
        }
        automatic_ = true;
        ++next_;
      } else {
        if (automatic_) {
          RaiseValueError(
              "cannot switch from manual field specification to automatic field numbering");
        }
        manual_ = true;
        index = static_cast<size_t>(ParseInteger(name, 10).value_or(0));
      }
      if (index >= arguments_.positional.size()) {
        throw TemplateError("IndexError", "tuple index out of range");
      }
      return arguments_.positional[index];
    }
    heap_.Spend(static_cast<int64_t>(arguments_.keywords.size() / 16));
    for (const auto& [keyword, value] : arguments_.keywords) {
      if (keyword == name) return value;
    }
    throw TemplateError("KeyError", Repr(MakeString(heap_, name)).ReleaseBytes());
  }

  Heap& heap_;
  const Arguments& arguments_;
  const bool is_markup_;
  size_t next_ = 0;
  bool automatic_ = false;
  bool manual_ = false;
};

}  // namespace

Value FormatBraces(Heap& heap, const Value& format, const Arguments& arguments) {
  heap.SpendBytes(format.text().size());
  const bool is_markup = format.string().is_markup();
  constexpr int kNestedFields = 1;
  return MakeString(heap,
                    BraceFormatter(heap, arguments, is_markup).Run(format.text(), kNestedFields),
                    is_markup);
}

}  // namespace firstlight::jinja
