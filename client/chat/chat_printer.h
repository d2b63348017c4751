#ifndef FIRSTLIGHT_CLIENT_CHAT_CHAT_PRINTER_H_
#define FIRSTLIGHT_CLIENT_CHAT_CHAT_PRINTER_H_

// Shows one answer as it comes.
//
// Text goes to standard output, and so does the rest on a terminal: reasoning dimmed, tool calls a
// line each, control characters spelled out. Elsewhere standard output has text and tool calls, so
// that what reads it gets the answer and nothing else.

#include <string_view>

#include "client/chat/chat_history.h"
#include "firstlight/v1/generation.pb.h"

namespace firstlight {

class ChatPrinter {
 public:
  // `terminal`: standard output is one.
  explicit ChatPrinter(bool terminal) : terminal_(terminal) {}

  void Add(const v1::ChatDelta& delta);

  // Ends the last line. Called once.
  void End();

 private:
  enum class Part { kNone, kReasoning, kText, kCalls };

  void Begin(Part part);
  void Write(std::string_view text);

  const bool terminal_;
  Part part_ = Part::kNone;
  char last_character_ = '\n';
};

// Adds what came to what there was.
void Collect(const v1::ChatDelta& delta, AssistantReply* reply);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_CHAT_CHAT_PRINTER_H_
