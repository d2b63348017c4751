#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_TOOL_CALL_READER_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_TOOL_CALL_READER_H_

// Tool calls as JSON, as models write them:
//
//   {"name": "f", "arguments": {…}}          also "parameters", "id", and "function": {…}
//   [{…}, {…}]
//   f[ARGS]{…}   f[CALL_ID]id[ARGS]{…}       where names may stand before the arguments
//
// read a piece at a time. A call is complete with its last brace.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/formats/chat_parser.h"

namespace firstlight {

// The call that a JSON object is; nothing where it is none.
std::optional<ToolCall> ParseToolCall(std::string_view json);

// Whether `text` is JSON, and an object.
bool IsJsonObject(std::string_view text);

class ToolCallReader {
 public:
  enum class State { kReading, kDone, kMalformed };

  struct Options {
    bool names_before_arguments = false;
  };

  explicit ToolCallReader(Options options) : options_(options) {}

  // Reads from the start of `text`, appends the calls that became complete, and returns how many
  // bytes it read: all of them unless it is done or malformed after that.
  size_t Read(std::string_view text, std::vector<ToolCall>* calls);

  State state() const { return state_; }
  bool has_calls() const { return has_calls_; }
  // What was read and is not part of a call that was appended.
  const std::string& rest() const { return rest_; }

 private:
  void ReadByte(char c, std::vector<ToolCall>* calls);
  void Begin(char c);
  void CompleteObject(std::vector<ToolCall>* calls);

  const Options options_;
  State state_ = State::kReading;
  bool begun_ = false;    // something besides white space was read
  bool in_list_ = false;  // between the brackets of a list
  bool in_name_ = false;  // before the arguments
  int depth_ = 0;         // of brackets within the object
  bool in_string_ = false;
  bool escaped_ = false;
  bool object_begun_ = false;  // a character besides white space follows its brace
  bool has_calls_ = false;
  bool after_comma_ = true;  // of a list: an object may follow
  size_t object_start_ = 0;  // in rest_
  std::string rest_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_TOOL_CALL_READER_H_
