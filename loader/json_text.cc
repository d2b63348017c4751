#include "loader/json_text.h"

#include <cstddef>
#include <memory>

#include "loader/base/status_macros.h"
#include "loader/json_bounds.h"

namespace firstlight {
namespace {

constexpr std::string_view kSpace = " \t\n\r";

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// The parts between the commas of the outermost brackets of `text`, trimmed.
std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  text = Trim(text);
  const std::string_view inside = text.substr(1, text.size() - 2);
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i < inside.size();) {
    const char c = inside[i];
    if (c == '"') {
      i = SkipJsonString(inside, i);
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(Trim(inside.substr(begin, i - begin)));
      begin = i + 1;
    }
    ++i;
  }
  if (const std::string_view last = Trim(inside.substr(begin)); !last.empty()) {
    parts.push_back(last);
  }
  return parts;
}

std::string Unescape(std::string_view spelling) {
  const std::string_view inside = spelling.substr(1, spelling.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return std::string(inside);
  const auto document = JsonDocument::Parse("key", std::string(spelling));
  if (!document.ok()) return std::string(inside);
  return std::string((*document)->root().AsString().value_or(inside));
}

}  // namespace

std::vector<JsonTextMember> JsonTextMembers(std::string_view text) {
  std::vector<JsonTextMember> members;
  for (const std::string_view part : SplitAtCommas(text)) {
    const std::string_view spelling = part.substr(0, SkipJsonString(part, 0));
    const std::string_view rest = Trim(part.substr(spelling.size()));  // begins with the colon
    members.push_back(
        {.key = Unescape(spelling), .spelling = spelling, .value = Trim(rest.substr(1))});
  }
  return members;
}

std::vector<std::string_view> JsonTextElements(std::string_view text) {
  return SplitAtCommas(text);
}

absl::StatusOr<std::vector<JsonTextMember>> ParseJsonObject(std::string_view name,
                                                            std::string_view text,
                                                            const JsonOptions& options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::Parse(std::string(name), std::string(text), options));
  FIRSTLIGHT_RETURN_IF_ERROR(document->root().AsObject().status());
  return JsonTextMembers(text);
}

absl::StatusOr<std::vector<std::string_view>> ParseJsonArray(std::string_view name,
                                                             std::string_view text,
                                                             const JsonOptions& options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::Parse(std::string(name), std::string(text), options));
  FIRSTLIGHT_RETURN_IF_ERROR(document->root().AsArray().status());
  return JsonTextElements(text);
}

}  // namespace firstlight
