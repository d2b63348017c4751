#include "client/chat/chat_history.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json.h"
#include "loader/json_text.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

std::string Message(std::string_view role, std::string_view content) {
  return StrCat("{\"role\": ", JsonString(role), ", \"content\": ", JsonString(content), "}");
}

// A member of a message, if it is a string.
std::string StringMember(std::string_view message, std::string_view key) {
  const auto document = JsonDocument::Parse("message", std::string(message));
  if (!document.ok()) return "";
  return std::string((*document)->root().GetString(key, "").value_or(""));
}

std::string RoleOf(std::string_view message) { return StringMember(message, "role"); }

absl::Status CheckMessages(const std::vector<std::string>& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string name = StrCat("messages[", i, "]");
    FIRSTLIGHT_RETURN_IF_ERROR(ParseJsonObject(name, messages[i]).status());
    if (RoleOf(messages[i]).empty()) {
      return absl::InvalidArgumentError(StrCat(name, ".role: expected a role, found none"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void ChatHistory::AddUser(std::string_view text) { messages_.push_back(Message("user", text)); }

void ChatHistory::AddReply(const AssistantReply& reply) {
  std::string message = StrCat("{\"role\": \"assistant\", \"content\": ", JsonString(reply.text));
  if (!reply.reasoning.empty()) {
    StrAppend(&message, ", \"reasoning_content\": ", JsonString(reply.reasoning));
  }
  if (!reply.calls.empty()) {
    StrAppend(&message, ", \"tool_calls\": [");
    for (const AssistantReply::Call& call : reply.calls) {
      StrAppend(&message, &call == &reply.calls.front() ? "" : ", ",
                "{\"id\": ", JsonString(call.id),
                ", \"type\": \"function\", \"function\": {\"name\": ", JsonString(call.name),
                ", \"arguments\": ", call.arguments, "}}");
    }
    message += ']';
  }
  messages_.push_back(message + "}");
}

absl::Status ChatHistory::AddToolResult(std::string_view text) {
  size_t answered = 0;
  size_t last = messages_.size();
  while (last > 0 && RoleOf(messages_[last - 1]) == "tool") {
    --last;
    ++answered;
  }
  const absl::Status none = absl::FailedPreconditionError("no tool call waits for a result");
  if (last == 0) return none;
  const auto document = JsonDocument::Parse("message", messages_[last - 1]);
  if (!document.ok()) return document.status();
  const absl::StatusOr<JsonArray> calls = (*document)->root().GetArray("tool_calls");
  if (!calls.ok() || calls->size() <= answered) return none;
  auto call = calls->begin();
  for (size_t i = 0; i < answered; ++i) ++call;
  const std::string_view id = (*call).GetString("id", "").value_or("");
  std::string message = "{\"role\": \"tool\"";
  if (const std::optional<JsonValue> function = (*call).Find("function"); function.has_value()) {
    StrAppend(&message, ", \"name\": ", JsonString(function->GetString("name", "").value_or("")));
  }
  if (!id.empty()) StrAppend(&message, ", \"tool_call_id\": ", JsonString(id));
  messages_.push_back(StrCat(message, ", \"content\": ", JsonString(text), "}"));
  return absl::OkStatus();
}

void ChatHistory::SetSystem(std::string_view text) {
  if (!messages_.empty() && RoleOf(messages_.front()) == "system") {
    messages_.erase(messages_.begin());
  }
  if (!text.empty()) messages_.insert(messages_.begin(), Message("system", text));
}

void ChatHistory::Reset() {
  const bool has_system = !messages_.empty() && RoleOf(messages_.front()) == "system";
  messages_.resize(has_system ? 1 : 0);
}

std::optional<size_t> ChatHistory::LastUser() const {
  for (size_t i = messages_.size(); i > 0; --i) {
    if (RoleOf(messages_[i - 1]) == "user") return i - 1;
  }
  return std::nullopt;
}

bool ChatHistory::DropLastReply() {
  const std::optional<size_t> user = LastUser();
  if (user.has_value()) messages_.resize(*user + 1);
  return user.has_value();
}

bool ChatHistory::DropLastTurn() {
  const std::optional<size_t> user = LastUser();
  if (user.has_value()) messages_.resize(*user);
  return user.has_value();
}

std::string ChatHistory::ToJson() const { return StrCat("[", absl::StrJoin(messages_, ", "), "]"); }

std::string ChatHistory::ToText() const {
  std::string text;
  for (const std::string& message : messages_) {
    StrAppend(&text, RoleOf(message), ": ", StringMember(message, "content"), "\n");
    const auto document = JsonDocument::Parse("message", message);
    if (!document.ok()) continue;
    const absl::StatusOr<JsonArray> calls = (*document)->root().GetArray("tool_calls");
    if (!calls.ok()) continue;
    for (const JsonTextMember& member : JsonTextMembers(message)) {
      if (member.key == "tool_calls") StrAppend(&text, "  calls ", member.value, "\n");
    }
  }
  return text;
}

absl::Status ChatHistory::Save(const std::string& path) const {
  const std::string text = StrCat("{\"messages\": [\n", absl::StrJoin(messages_, ",\n"), "\n]}\n");
  std::FILE* const file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return absl::ErrnoToStatus(errno, StrCat(Quoted(path), ": cannot be made"));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int error = errno;
  if (std::fclose(file) != 0 || !written) {
    return absl::ErrnoToStatus(error, StrCat(Quoted(path), ": cannot be written"));
  }
  return absl::OkStatus();
}

absl::Status ChatHistory::Load(const std::string& path) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::Parse(path, text));
  std::string_view array = text;
  if (document->root().type() == JsonType::kObject) {
    FIRSTLIGHT_RETURN_IF_ERROR(document->root().GetArray("messages").status());
    for (const JsonTextMember& member : JsonTextMembers(text)) {
      if (member.key == "messages") array = member.value;
    }
  } else {
    FIRSTLIGHT_RETURN_IF_ERROR(document->root().AsArray().status());
  }
  std::vector<std::string> messages;
  for (const std::string_view message : JsonTextElements(array)) messages.emplace_back(message);
  FIRSTLIGHT_RETURN_IF_ERROR(CheckMessages(messages));
  messages_ = std::move(messages);
  return absl::OkStatus();
}

}  // namespace firstlight
