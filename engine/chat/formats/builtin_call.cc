#include "engine/chat/formats/builtin_call.h"

#include <cstddef>
#include <string>

#include "loader/json_text.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

constexpr std::string_view kCall = ".call(";

bool IsIdentifierCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// What is left to read.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool empty() const { return text_.empty(); }

  void SkipSpace() {
    while (!text_.empty() && std::string_view(" \t\n\r").find(text_.front()) != text_.npos) {
      text_.remove_prefix(1);
    }
  }

  bool Take(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  std::string_view TakeIdentifier() {
    size_t length = 0;
    while (length < text_.size() && IsIdentifierCharacter(text_[length])) ++length;
    const std::string_view identifier = text_.substr(0, length);
    text_.remove_prefix(length);
    return identifier;
  }

  // A string in double quotes, in which a quote or backslash may be escaped; or a number.
  std::optional<std::string> TakeValueAsJson() {
    if (Take("\"")) {
      std::string value;
      for (size_t i = 0; i < text_.size(); ++i) {
        if (text_[i] == '"') {
          text_.remove_prefix(i + 1);
          return JsonString(value);
        }
        if (text_[i] == '\\' && i + 1 < text_.size() &&
            (text_[i + 1] == '"' || text_[i + 1] == '\\')) {
          ++i;
        }
        value += text_[i];
      }
      return std::nullopt;
    }
    const size_t end = text_.find_first_of(",) ");
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(value.size());
    if (value.empty() || !ParseJsonArray("number", "[" + value + "]").ok()) return std::nullopt;
    return value;
  }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<ToolCall> ParseBuiltinCall(std::string_view text) {
  Reader reader(text);
  reader.SkipSpace();
  ToolCall call;
  call.name = reader.TakeIdentifier();
  if (call.name.empty() || !reader.Take(kCall)) return std::nullopt;
  call.arguments = "{";
  reader.SkipSpace();
  while (!reader.Take(")")) {
    if (call.arguments.size() > 1) {
      if (!reader.Take(",")) return std::nullopt;
      reader.SkipSpace();
      call.arguments += ", ";
    }
    const std::string_view key = reader.TakeIdentifier();
    if (key.empty() || !reader.Take("=")) return std::nullopt;
    const std::optional<std::string> value = reader.TakeValueAsJson();
    if (!value.has_value()) return std::nullopt;
    call.arguments += JsonString(key) + ": " + *value;
    reader.SkipSpace();
  }
  call.arguments += "}";
  reader.SkipSpace();
  if (!reader.empty() || !ParseJsonObject("arguments", call.arguments).ok()) return std::nullopt;
  return call;
}

}  // namespace firstlight
