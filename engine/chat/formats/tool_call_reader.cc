#include "engine/chat/formats/tool_call_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "loader/json.h"
#include "loader/json_text.h"

namespace firstlight {
namespace {

constexpr std::string_view kArgumentsMarker = "[ARGS]";
constexpr std::string_view kIdMarker = "[CALL_ID]";
// Of a name with its markers: longer ones than any API takes.
constexpr size_t kMaxNameBytes = 512;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A name as the APIs of tools take it, with the dots and slashes that some put into theirs.
bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == ':';
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// The string that `spelling` is, or nothing.
std::optional<std::string> StringOf(std::string_view spelling) {
  const auto document = JsonDocument::Parse("string", std::string(spelling));
  if (!document.ok()) return std::nullopt;
  const absl::StatusOr<std::string_view> value = (*document)->root().AsString();
  if (!value.ok()) return std::nullopt;
  return std::string(*value);
}

// Arguments as an object, whether they are spelled as one or as a string that holds one.
std::optional<std::string> ArgumentsOf(std::string_view spelling) {
  if (spelling.front() == '{') return std::string(spelling);
  std::optional<std::string> inside = StringOf(spelling);
  if (!inside.has_value() || !IsJsonObject(*inside)) return std::nullopt;
  return std::string(Trim(*inside));
}

// "f[CALL_ID]id[ARGS]" of `f[CALL_ID]id[ARGS]{…}`.
std::optional<ToolCall> ParseNamedCall(std::string_view header, std::string_view arguments) {
  const size_t marker = header.find(kArgumentsMarker);
  std::string_view name = Trim(header.substr(0, marker));
  ToolCall call{.arguments = std::string(arguments)};
  if (const size_t id = name.find(kIdMarker); id != std::string_view::npos) {
    call.id = Trim(name.substr(id + kIdMarker.size()));
    name = Trim(name.substr(0, id));
  }
  if (!IsName(name) || !IsJsonObject(arguments)) return std::nullopt;
  call.name = name;
  return call;
}

}  // namespace

bool IsJsonObject(std::string_view text) { return ParseJsonObject("object", text).ok(); }

std::optional<ToolCall> ParseToolCall(std::string_view json) {
  const absl::StatusOr<std::vector<JsonTextMember>> members = ParseJsonObject("call", json);
  if (!members.ok()) return std::nullopt;
  ToolCall call{.arguments = "{}"};
  for (const auto& [key, spelling, value] : *members) {
    if (key == "function" && value.front() == '{') {
      std::optional<ToolCall> inner = ParseToolCall(value);
      if (!inner.has_value()) return std::nullopt;
      call.name = std::move(inner->name);
      call.arguments = std::move(inner->arguments);
    } else if (key == "name" || key == "function") {
      std::optional<std::string> name = StringOf(value);
      if (!name.has_value()) return std::nullopt;
      call.name = *std::move(name);
    } else if (key == "arguments" || key == "parameters") {
      std::optional<std::string> arguments = ArgumentsOf(value);
      if (!arguments.has_value()) return std::nullopt;
      call.arguments = *std::move(arguments);
    } else if (key == "id") {
      call.id = StringOf(value).value_or("");
    }
  }
  if (call.name.empty()) return std::nullopt;
  return call;
}

size_t ToolCallReader::Read(std::string_view text, std::vector<ToolCall>* calls) {
  size_t read = 0;
  while (read < text.size() && state_ == State::kReading) ReadByte(text[read++], calls);
  return read;
}

// What may begin calls, and what may stand between those of a list.
void ToolCallReader::Begin(char c) {
  if (IsSpace(c)) return;
  if (c == '[' && !begun_) {
    begun_ = in_list_ = true;
  } else if (c == '{' && (!in_list_ || after_comma_)) {
    begun_ = true;
    after_comma_ = false;
    object_begun_ = false;
    object_start_ = rest_.size() - 1;
    depth_ = 1;
  } else if (c == ',' && in_list_ && !after_comma_) {
    after_comma_ = true;
  } else if (c == ']' && in_list_ && has_calls_ && !after_comma_) {
    rest_.clear();
    state_ = State::kDone;
  } else if (options_.names_before_arguments && !begun_ && IsName(std::string_view(&c, 1))) {
    begun_ = in_name_ = true;
  } else {
    state_ = State::kMalformed;
  }
}

void ToolCallReader::ReadByte(char c, std::vector<ToolCall>* calls) {
  rest_ += c;
  if (depth_ == 0 && in_name_) {
    if (c == '{') {
      object_start_ = rest_.size() - 1;
      depth_ = 1;
    } else if (rest_.size() > kMaxNameBytes ||
               !(IsName(std::string_view(&c, 1)) || IsSpace(c) || c == '[' || c == ']')) {
      state_ = State::kMalformed;
    }
    return;
  }
  if (depth_ == 0) return Begin(c);
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      state_ = State::kMalformed;  // no JSON, and perhaps a string without an end
    }
    return;
  }
  if (!object_begun_ && !IsSpace(c)) {
    object_begun_ = true;
    // Braces that are no JSON are seldom worth waiting for.
    if (c != '"' && c != '}') {
      state_ = State::kMalformed;
      return;
    }
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if ((c == '}' || c == ']') && --depth_ == 0) CompleteObject(calls);
}

void ToolCallReader::CompleteObject(std::vector<ToolCall>* calls) {
  const std::string_view all = rest_;
  const std::string_view object = all.substr(object_start_);
  std::optional<ToolCall> call =
      in_name_ ? ParseNamedCall(all.substr(0, object_start_), object) : ParseToolCall(object);
  if (!call.has_value()) {
    state_ = State::kMalformed;
    return;
  }
  calls->push_back(*std::move(call));
  has_calls_ = true;
  rest_.clear();
  if (!in_list_) state_ = State::kDone;
}

}  // namespace firstlight
