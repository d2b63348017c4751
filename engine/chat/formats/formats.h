#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_FORMATS_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_FORMATS_H_

// The formats in which published models write reasoning and tool calls, one file each. A model's
// template says which it is: what the template writes of earlier turns is what the model learnt.

#include <memory>
#include <span>
#include <string_view>

#include "engine/chat/formats/chat_parser.h"

namespace firstlight {

class ChatFormat {
 public:
  virtual ~ChatFormat() = default;

  // In logs and tests: "hermes".
  virtual std::string_view name() const = 0;

  // Whether conversations of the template `source` are in this format.
  virtual bool Fits(std::string_view source) const = 0;

  // Special tokens that are part of the format: its parsers must see them, where other special
  // tokens are left out of the text.
  virtual std::span<const std::string_view> tokens() const = 0;

  // A parser for one answer. `source` is the template that it fits.
  virtual std::unique_ptr<ChatParser> NewParser(std::string_view source,
                                                const ChatParserOptions& options) const = 0;
};

// gpt-oss: messages in channels, tool calls as messages to a recipient.
const ChatFormat& HarmonyFormat();
// Mistral: [TOOL_CALLS] with a list of calls, or with names before their arguments; [THINK].
const ChatFormat& MistralFormat();
// Granite 3 and Phi-4-mini: <|tool_call|> with a list of calls; <think> and <response>.
const ChatFormat& GraniteFormat();
// Llama 3.x: calls as JSON, with or without <|python_tag|>; built-in tools as name.call(…).
const ChatFormat& LlamaFormat();
// Qwen, Hermes, SmolLM3, Granite 4 and others: <tool_call> with a call; <think>.
const ChatFormat& HermesFormat();
// Everything else: text.
const ChatFormat& PlainFormat();

// The first of them, in this order, that fits the template.
const ChatFormat& FindChatFormat(std::string_view source);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_FORMATS_H_
