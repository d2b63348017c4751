#ifndef FIRSTLIGHT_ENGINE_CHAT_CONVERSATION_H_
#define FIRSTLIGHT_ENGINE_CHAT_CONVERSATION_H_

// A conversation as a request has it, and the prompt that a model's template makes of it.
//
// Equal to transformers' apply_chat_template: members of a message that are null are not there for
// the template, and everything else reaches it as it is spelled.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/chat/byte_interval.h"
#include "engine/chat/chat_templates.h"
#include "engine/chat/formats/chat_parser.h"
#include "engine/chat/formats/formats.h"

namespace firstlight {

// Its texts are JSON, not yet looked at. Members are named as the fields of ChatRequest, and so
// they are in errors.
struct Conversation {
  std::string messages_json = {};
  std::optional<std::string> tools_json = {};
  std::optional<std::string> documents_json = {};
  std::string chat_template_kwargs = {};  // may be empty
  std::string template_name = {};         // empty: ChatTemplates::Select chooses
  std::optional<bool> add_generation_prompt = {};
  bool continue_final_message = false;
};

struct ChatPrompt {
  std::string text;
  // Of `text`: what came from the conversation, where no special token may be recognised.
  std::vector<ByteInterval> data_bytes;
  // How the answer is written.
  const ChatFormat* format = nullptr;
  bool has_tools = false;
  bool continues_message = false;
  std::shared_ptr<const ChatTemplates> templates;  // keeps the next one
  const ChatTemplates::Entry* entry = nullptr;

  // A parser for one answer to it; `id_seed` draws the ids of tool calls.
  std::unique_ptr<ChatParser> NewParser(uint64_t id_seed) const;
};

// Blocks for as long as the template computes, which is bounded (ChatTemplateLimits). `cancelled`
// (may be empty) is asked on this thread, as in ChatTemplateInput. Errors: INVALID_ARGUMENT naming
// the field, or where the template refuses the conversation; FAILED_PRECONDITION as
// ChatTemplates::Select; CANCELLED.
absl::StatusOr<ChatPrompt> RenderConversation(const Conversation& conversation,
                                              std::shared_ptr<const ChatTemplates> templates,
                                              absl::Time now, std::function<bool()> cancelled = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_CONVERSATION_H_
