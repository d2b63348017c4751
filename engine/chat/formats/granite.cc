// <think>…</think>
// <response>…</response>
// <|tool_call|>[{"name": "f", "arguments": {…}}]
//
// Granite 3 in its versions, and Phi-4-mini, which closes the list with <|/tool_call|>.

#include <array>

#include "engine/chat/formats/formats.h"
#include "engine/chat/formats/tagged_parser.h"

namespace firstlight {
namespace {

constexpr std::array<std::string_view, 4> kTokens = {"<|tool_call|>", "<|/tool_call|>", "<think>",
                                                     "</think>"};

class Granite final : public ChatFormat {
 public:
  std::string_view name() const override { return "granite"; }
  bool Fits(std::string_view source) const override {
    return source.find("<|tool_call|>") != std::string_view::npos;
  }
  std::span<const std::string_view> tokens() const override { return kTokens; }

  std::unique_ptr<ChatParser> NewParser(std::string_view source,
                                        const ChatParserOptions& options) const override {
    TaggedFormat format;
    format.call_begins = {"<|tool_call|>"};
    format.call_ends = {"<|/tool_call|>"};
    if (source.find("<think>") != std::string_view::npos) {
      format.think_begin = "<think>";
      format.think_end = "</think>";
    }
    if (source.find("<response>") != std::string_view::npos) {
      format.answer_begin = "<response>";
      format.answer_end = "</response>";
    }
    return NewTaggedParser(std::move(format), options);
  }
};

}  // namespace

const ChatFormat& GraniteFormat() {
  static const Granite format;
  return format;
}

}  // namespace firstlight
