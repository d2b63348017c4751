#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_PARSER_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_PARSER_H_

// What a model writes in a conversation, taken apart as it comes: text, reasoning, calls of tools.
//
// Where the pieces of the stream end has no effect: joined, the pieces of each kind that stand next
// to each other are the same for every split. A tool call is told of once it is complete and is
// one; what only looks like one is text, markup included, so that nothing is lost but markup that
// was understood and the line breaks that it stands among.
//
// Work is linear in the text; what may still become a call is held back. Used by one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

// A call of a tool. The arguments are the text of a JSON object, as the model spelled it.
struct ToolCall {
  std::string id = {};
  std::string name = {};
  std::string arguments = {};

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct ChatPiece {
  enum class Kind { kText, kReasoning, kToolCall };

  Kind kind = Kind::kText;
  std::string text = {};    // of kText and kReasoning
  ToolCall tool_call = {};  // of kToolCall

  friend bool operator==(const ChatPiece&, const ChatPiece&) = default;
};

struct ChatParserOptions {
  // Whether the model was told of tools: in some formats only that tells a call from an answer.
  bool has_tools = false;
  // The text continues the last message of the conversation.
  bool continues_message = false;
  // How the prompt ends, at least its last 256 bytes: reasoning may have begun there.
  std::string_view prompt_end = {};
  // Calls that the model gives no id get one that is drawn with this.
  uint64_t id_seed = 0;
};

class ChatParser {
 public:
  virtual ~ChatParser() = default;

  // More text. Appends what became certain.
  virtual void Append(std::string_view text, std::vector<ChatPiece>* pieces) = 0;
  // The text has ended. Nothing follows.
  virtual void Finish(std::vector<ChatPiece>* pieces) = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_PARSER_H_
