// [THINK]…[/THINK]
// [TOOL_CALLS] [{"name": "f", "arguments": {…}, "id": "abcdefghi"}]
// [TOOL_CALLS]f[ARGS]{…}[TOOL_CALLS]g[ARGS]{…}
//
// Mistral's models: a list of calls up to the third version of their tokenizers, names before
// arguments in later ones.

#include <array>

#include "engine/chat/formats/formats.h"
#include "engine/chat/formats/tagged_parser.h"

namespace firstlight {
namespace {

constexpr std::array<std::string_view, 5> kTokens = {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]",
                                                     "[THINK]", "[/THINK]"};

class Mistral final : public ChatFormat {
 public:
  std::string_view name() const override { return "mistral"; }
  bool Fits(std::string_view source) const override {
    return source.find("[TOOL_CALLS]") != std::string_view::npos;
  }
  std::span<const std::string_view> tokens() const override { return kTokens; }

  std::unique_ptr<ChatParser> NewParser(std::string_view source,
                                        const ChatParserOptions& options) const override {
    TaggedFormat format;
    format.call_begins = {"[TOOL_CALLS]"};
    format.names_before_arguments = true;
    if (source.find("[THINK]") != std::string_view::npos) {
      format.think_begin = "[THINK]";
      format.think_end = "[/THINK]";
    }
    return NewTaggedParser(std::move(format), options);
  }
};

}  // namespace

const ChatFormat& MistralFormat() {
  static const Mistral format;
  return format;
}

}  // namespace firstlight
