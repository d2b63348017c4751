#include "server/rpc/chat_messages.h"

#include <string>
#include <string_view>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json_text.h"
#include "loader/json_writer.h"
#include "server/rpc/generation_messages.h"

namespace firstlight {
namespace {

// An object, written a member at a time.
class ObjectWriter {
 public:
  void AddString(std::string_view key, std::string_view value) { AddJson(key, JsonString(value)); }
  void AddJson(std::string_view key, std::string_view value) {
    StrAppend(&text_, text_.size() > 1 ? ", " : "", JsonString(key), ": ", value);
  }
  std::string Finish() { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

// OK when `text` is a JSON object.
absl::Status CheckObject(std::string_view field, std::string_view text) {
  const absl::Status status = ParseJsonObject(field, text).status();
  return status.ok() ? status : absl::InvalidArgumentError(status.message());
}

absl::StatusOr<std::string> ToJson(const v1::ToolCall& call, const std::string& field) {
  if (call.name().empty()) {
    return absl::InvalidArgumentError(StrCat(field, ".name: expected a name, found none"));
  }
  ObjectWriter function;
  function.AddString("name", call.name());
  const std::string& arguments = call.arguments_json();
  if (!arguments.empty()) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckObject(field + ".arguments_json", arguments));
  }
  function.AddJson("arguments", arguments.empty() ? "{}" : arguments);
  ObjectWriter object;
  if (!call.id().empty()) object.AddString("id", call.id());
  object.AddString("type", "function");
  object.AddJson("function", function.Finish());
  return object.Finish();
}

absl::StatusOr<std::string> ToJson(const v1::Tool& tool, const std::string& field) {
  if (tool.name().empty()) {
    return absl::InvalidArgumentError(StrCat(field, ".name: expected a name, found none"));
  }
  ObjectWriter function;
  function.AddString("name", tool.name());
  if (tool.has_description()) function.AddString("description", tool.description());
  if (!tool.parameters_json().empty()) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckObject(field + ".parameters_json", tool.parameters_json()));
    function.AddJson("parameters", tool.parameters_json());
  }
  ObjectWriter object;
  object.AddString("type", "function");
  object.AddJson("function", function.Finish());
  return object.Finish();
}

std::string ToJson(const v1::ContentPart& part) {
  ObjectWriter object;
  object.AddString("type", "text");
  object.AddString("text", part.text());
  return object.Finish();
}

absl::StatusOr<std::string> ToJson(const v1::ChatMessage& message, const std::string& field);

// The array of what `items` are as JSON.
template <typename Items>
absl::StatusOr<std::string> ToJsonArray(const Items& items, std::string_view field) {
  std::string text = "[";
  for (int i = 0; i < items.size(); ++i) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string item,
                                ToJson(items[i], StrCat(field, "[", i, "]")));
    StrAppend(&text, i > 0 ? ", " : "", item);
  }
  return text + "]";
}

absl::StatusOr<std::string> ToJson(const v1::ChatMessage& message, const std::string& field) {
  if (message.role().empty()) {
    return absl::InvalidArgumentError(StrCat(field, ".role: expected a role, found none"));
  }
  if (message.has_content() && !message.parts().empty()) {
    return absl::InvalidArgumentError(
        StrCat(field, ".parts: expected content or parts, found both"));
  }
  ObjectWriter object;
  object.AddString("role", message.role());
  if (message.has_content()) object.AddString("content", message.content());
  if (!message.parts().empty()) {
    std::string parts = "[";
    for (const v1::ContentPart& part : message.parts()) {
      StrAppend(&parts, parts.size() > 1 ? ", " : "", ToJson(part));
    }
    object.AddJson("content", parts + "]");
  }
  if (message.has_reasoning()) object.AddString("reasoning_content", message.reasoning());
  if (message.has_name()) object.AddString("name", message.name());
  if (!message.tool_calls().empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string calls,
                                ToJsonArray(message.tool_calls(), field + ".tool_calls"));
    object.AddJson("tool_calls", calls);
  }
  if (message.has_tool_call_id()) object.AddString("tool_call_id", message.tool_call_id());
  return object.Finish();
}

template <typename Message>
absl::StatusOr<Conversation> ToConversationOf(const Message& message) {
  if (message.ByteSizeLong() > kMaxTextBytes) {
    return absl::InvalidArgumentError(StrCat("messages: expected at most ", kMaxTextBytes,
                                             " bytes in a conversation, found ",
                                             message.ByteSizeLong()));
  }
  Conversation conversation;
  if (message.messages().empty() == message.messages_json().empty()) {
    return absl::InvalidArgumentError(StrCat("messages: expected messages or messages_json, found ",
                                             message.messages().empty() ? "neither" : "both"));
  }
  conversation.messages_json = message.messages_json();
  if (!message.messages().empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(conversation.messages_json,
                                ToJsonArray(message.messages(), "messages"));
  }
  if (!message.tools().empty() && message.has_tools_json()) {
    return absl::InvalidArgumentError("tools: expected tools or tools_json, found both");
  }
  if (message.has_tools_json()) conversation.tools_json = message.tools_json();
  if (!message.tools().empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(conversation.tools_json, ToJsonArray(message.tools(), "tools"));
  }
  if (message.has_documents_json()) conversation.documents_json = message.documents_json();
  conversation.chat_template_kwargs = message.chat_template_kwargs();
  conversation.template_name = message.template_name();
  if (message.has_add_generation_prompt()) {
    conversation.add_generation_prompt = message.add_generation_prompt();
  }
  conversation.continue_final_message = message.continue_final_message();
  return conversation;
}

}  // namespace

absl::StatusOr<Conversation> ToConversation(const v1::ChatRequest& message) {
  return ToConversationOf(message);
}

absl::StatusOr<Conversation> ToConversation(const v1::RenderChatRequest& message) {
  return ToConversationOf(message);
}

}  // namespace firstlight
