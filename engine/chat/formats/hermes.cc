// <think>
// …
// </think>
//
// …
// <tool_call>
// {"name": "f", "arguments": {…}}
// </tool_call>
//
// What Qwen 2.5 and 3, Hermes, SmolLM3 and Granite 4 write. Models that only reason (DeepSeek-R1)
// write the first part of it.

#include <array>

#include "engine/chat/formats/formats.h"
#include "engine/chat/formats/tagged_parser.h"

namespace firstlight {
namespace {

constexpr std::array<std::string_view, 4> kTokens = {"<tool_call>", "</tool_call>", "<think>",
                                                     "</think>"};

bool Reasons(std::string_view source) {
  return source.find("<think>") != std::string_view::npos ||
         source.find("</think>") != std::string_view::npos;
}

bool Calls(std::string_view source) { return source.find("<tool_call>") != std::string_view::npos; }

class Hermes final : public ChatFormat {
 public:
  std::string_view name() const override { return "hermes"; }
  bool Fits(std::string_view source) const override { return Calls(source) || Reasons(source); }
  std::span<const std::string_view> tokens() const override { return kTokens; }

  std::unique_ptr<ChatParser> NewParser(std::string_view source,
                                        const ChatParserOptions& options) const override {
    TaggedFormat format;
    if (Reasons(source)) {
      format.think_begin = "<think>";
      format.think_end = "</think>";
    }
    if (Calls(source)) {
      format.call_begins = {"<tool_call>"};
      format.call_ends = {"</tool_call>"};
    }
    return NewTaggedParser(std::move(format), options);
  }
};

}  // namespace

const ChatFormat& HermesFormat() {
  static const Hermes format;
  return format;
}

}  // namespace firstlight
