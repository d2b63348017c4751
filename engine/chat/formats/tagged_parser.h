#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_TAGGED_PARSER_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_TAGGED_PARSER_H_

// The formats in which a tag begins reasoning and another one tool calls in JSON, and everything
// else is text. hermes.cc, granite.cc and mistral.cc say which tags.

#include <memory>
#include <string_view>
#include <vector>

#include "engine/chat/formats/chat_parser.h"

namespace firstlight {

// Views of string literals. None of them is the beginning of another.
struct TaggedFormat {
  // Reasoning, at the beginning of the answer only. Empty: there is none.
  std::string_view think_begin = {};
  std::string_view think_end = {};
  // Around the answer that follows reasoning; left out. Empty: there are none.
  std::string_view answer_begin = {};
  std::string_view answer_end = {};
  // Any of these begins a call, or a list of calls.
  std::vector<std::string_view> call_begins = {};
  // Left out after a call.
  std::vector<std::string_view> call_ends = {};
  bool names_before_arguments = false;  // ToolCallReader::Options
};

std::unique_ptr<ChatParser> NewTaggedParser(TaggedFormat format, const ChatParserOptions& options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_TAGGED_PARSER_H_
