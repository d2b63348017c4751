#include "engine/chat/conversation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "engine/generation_options.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "loader/json_text.h"

namespace firstlight {
namespace {

using Document = std::unique_ptr<const JsonDocument>;

// How much of a prompt's end a parser looks at.
constexpr size_t kPromptEndBytes = 256;

// The bounds of a request are no quota that a client could wait for.
absl::Status AsInvalid(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::InvalidArgumentError(status.message());
}

absl::StatusOr<Document> Parse(std::string_view field, std::string_view text) {
  absl::StatusOr<Document> document = JsonDocument::Parse(std::string(field), std::string(text));
  if (!document.ok()) return AsInvalid(document.status());
  return document;
}

absl::StatusOr<Document> ParseArray(std::string_view field, std::string_view text) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(Document document, Parse(field, text));
  FIRSTLIGHT_RETURN_IF_ERROR(document->root().AsArray().status());
  return document;
}

absl::Status CheckMessages(const JsonDocument& document) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray messages, document.root().AsArray());
  if (!(messages.begin() != messages.end())) {
    return absl::InvalidArgumentError(
        StrCat(document.name(), ": expected at least 1 message, found 0"));
  }
  for (const JsonValue message : messages) {
    FIRSTLIGHT_RETURN_IF_ERROR(message.AsObject().status());
  }
  return absl::OkStatus();
}

bool HasNullMember(const JsonDocument& document) {
  const absl::StatusOr<JsonArray> messages = document.root().AsArray();
  if (!messages.ok()) return false;
  for (const JsonValue message : *messages) {
    const absl::StatusOr<JsonObject> members = message.AsObject();
    if (!members.ok()) continue;
    for (const auto& [key, value] : *members) {
      if (value.is_null()) return true;
    }
  }
  return false;
}

// `text` without the members of messages that are null: clients write content and tool_calls that
// way where there are none, and templates would print "None".
std::string WithoutNullMembers(std::string_view text) {
  std::string result = "[";
  for (const std::string_view message : JsonTextElements(text)) {
    StrAppend(&result, result.size() > 1 ? "," : "", "{");
    bool first = true;
    for (const auto& [key, spelling, value] : JsonTextMembers(message)) {
      if (value == "null") continue;
      StrAppend(&result, first ? "" : ",", spelling, ":", value);
      first = false;
    }
    result += '}';
  }
  result += ']';
  return result;
}

absl::StatusOr<Document> ParseMessages(std::string_view text) {
  constexpr std::string_view kField = "messages";
  FIRSTLIGHT_ASSIGN_OR_RETURN(Document document, ParseArray(kField, text));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckMessages(*document));
  if (!HasNullMember(*document)) return document;
  return Parse(kField, WithoutNullMembers(text));
}

absl::StatusOr<Document> ParseKwargs(std::string_view text) {
  constexpr std::array<std::string_view, 3> kFields = {"messages", "tools",
                                                       "add_generation_prompt"};
  FIRSTLIGHT_ASSIGN_OR_RETURN(Document document, Parse("chat_template_kwargs", text));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, document->root().AsObject());
  for (const auto& [key, value] : members) {
    if (std::find(kFields.begin(), kFields.end(), key) != kFields.end()) {
      return absl::InvalidArgumentError(StrCat(
          "chat_template_kwargs: expected variables besides the request's own fields, found ",
          Quoted(key)));
    }
  }
  return document;
}

// Whether the model is told of tools, by the request or by the variables that templates take them
// from.
bool TellsOfTools(const JsonDocument* tools, const JsonDocument* kwargs) {
  const auto has_items = [](const std::optional<JsonValue>& list) {
    if (!list.has_value()) return false;
    const absl::StatusOr<JsonArray> items = list->AsArray();
    return items.ok() && items->size() > 0;
  };
  if (tools != nullptr && has_items(tools->root())) return true;
  if (kwargs == nullptr) return false;
  constexpr std::array<std::string_view, 4> kVariables = {"custom_tools", "builtin_tools",
                                                          "available_tools", "xml_tools"};
  return std::any_of(kVariables.begin(), kVariables.end(), [&](std::string_view variable) {
    return has_items(kwargs->root().Find(variable));
  });
}

}  // namespace

std::unique_ptr<ChatParser> ChatPrompt::NewParser(uint64_t id_seed) const {
  const std::string_view whole = text;
  return format->NewParser(
      entry->source,
      {.has_tools = has_tools,
       .continues_message = continues_message,
       .prompt_end = whole.substr(whole.size() - std::min(whole.size(), kPromptEndBytes)),
       .id_seed = id_seed});
}

absl::StatusOr<ChatPrompt> RenderConversation(const Conversation& conversation,
                                              std::shared_ptr<const ChatTemplates> templates,
                                              absl::Time now, std::function<bool()> cancelled) {
  if (conversation.continue_final_message && conversation.add_generation_prompt.value_or(false)) {
    return absl::InvalidArgumentError(
        "continue_final_message: expected false with add_generation_prompt, found true");
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Document messages, ParseMessages(conversation.messages_json));
  Document tools;
  Document documents;
  Document kwargs;
  if (conversation.tools_json.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(tools, ParseArray("tools", *conversation.tools_json));
  }
  if (conversation.documents_json.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(documents, ParseArray("documents", *conversation.documents_json));
  }
  if (!conversation.chat_template_kwargs.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(kwargs, ParseKwargs(conversation.chat_template_kwargs));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ChatTemplates::Entry* entry,
                              templates->Select(conversation.template_name, tools != nullptr));

  ChatTemplateInput input{.messages = messages->root()};
  if (tools != nullptr) input.tools = tools->root();
  if (documents != nullptr) input.documents = documents->root();
  if (kwargs != nullptr) input.kwargs = kwargs->root();
  input.continue_final_message = conversation.continue_final_message;
  input.add_generation_prompt =
      conversation.add_generation_prompt.value_or(!conversation.continue_final_message);
  input.special_tokens = templates->special_tokens();
  input.now = now;
  input.cancelled = std::move(cancelled);
  absl::StatusOr<RenderedChat> rendered = (*entry->compiled)->Render(input);
  if (!rendered.ok()) return AsInvalid(rendered.status());
  if (rendered->text.size() > static_cast<size_t>(kMaxPromptBytes)) {
    return absl::InvalidArgumentError(StrCat("messages: expected a conversation of at most ",
                                             kMaxPromptBytes, " bytes as the template writes it, ",
                                             "found ", rendered->text.size()));
  }
  return ChatPrompt{.text = std::move(rendered->text),
                    .data_bytes = std::move(rendered->data_bytes),
                    .format = entry->format,
                    .has_tools = TellsOfTools(tools.get(), kwargs.get()),
                    .continues_message = conversation.continue_final_message,
                    .templates = std::move(templates),
                    .entry = entry};
}

}  // namespace firstlight
