#ifndef FIRSTLIGHT_CLIENT_CHAT_CHAT_HISTORY_H_
#define FIRSTLIGHT_CLIENT_CHAT_CHAT_HISTORY_H_

// The messages of a conversation in Hugging Face's shape, each the text of a JSON object: what was
// loaded from a file is sent, and saved again, as it was spelled.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace firstlight {

// What an assistant answered.
struct AssistantReply {
  struct Call {
    std::string id;
    std::string name;
    std::string arguments;
  };

  std::string text;
  std::string reasoning;
  std::vector<Call> calls;

  bool empty() const { return text.empty() && reasoning.empty() && calls.empty(); }
};

class ChatHistory {
 public:
  void AddUser(std::string_view text);
  void AddReply(const AssistantReply& reply);
  // The answer of a tool to the first call of the last reply that has none. FAILED_PRECONDITION
  // where there is no such call.
  absl::Status AddToolResult(std::string_view text);
  // Replaces the system message, or removes it where `text` is empty.
  void SetSystem(std::string_view text);

  // Drops everything but the system message.
  void Reset();
  // Drops what followed the last message of the user, or also that message. False where there is
  // none.
  bool DropLastReply();
  bool DropLastTurn();
  // Drops the messages after the first `count`.
  void Truncate(size_t count) { messages_.resize(count); }

  size_t size() const { return messages_.size(); }
  // The text of a JSON array.
  std::string ToJson() const;
  // The conversation for a person to read.
  std::string ToText() const;

  // {"messages": […]}, which `firstlight render-chat` reads too.
  absl::Status Save(const std::string& path) const;
  // Replaces the conversation by that of a file: such an object, or the array alone.
  absl::Status Load(const std::string& path);

 private:
  std::optional<size_t> LastUser() const;

  std::vector<std::string> messages_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_CHAT_CHAT_HISTORY_H_
