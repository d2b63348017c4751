#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_OUTPUT_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_OUTPUT_H_

// Where the parsers of all formats put what they understood.
//
// White space belongs to the text unless it stands between parts: line breaks around reasoning, and
// white space before and between tool calls, are markup and left out. So white space at the end of
// a text is held until it is known what follows.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/formats/chat_parser.h"

namespace firstlight {

class ChatOutput {
 public:
  explicit ChatOutput(uint64_t id_seed) : id_seed_(id_seed) {}

  // Where the pieces go. Set by a parser on entry; outlives the calls that follow.
  void SetSink(std::vector<ChatPiece>* pieces) { pieces_ = pieces; }

  void Text(std::string_view text);
  void Reasoning(std::string_view text);
  // An empty id is drawn.
  void Call(ToolCall call);
  // The reasoning so far is complete.
  void EndReasoning();
  // Nothing follows.
  void Finish();

  // Whether there has been any text but white space, or a call.
  bool has_answer() const { return has_text_ || calls_ > 0; }

 private:
  void Emit(ChatPiece::Kind kind, std::string_view text);
  std::string DrawId();

  const uint64_t id_seed_;
  std::vector<ChatPiece>* pieces_ = nullptr;
  std::string held_;               // white space at the end of the text
  std::string held_reasoning_;     // line breaks at the end of the reasoning
  bool reasoning_begun_ = false;   // the reasoning has a character besides line breaks
  bool skip_line_breaks_ = false;  // reasoning came before, and no text since
  bool has_text_ = false;
  uint64_t calls_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_CHAT_OUTPUT_H_
