#include "engine/chat/formats/formats.h"

#include <string>

namespace firstlight {
namespace {

class PlainParser final : public ChatParser {
 public:
  void Append(std::string_view text, std::vector<ChatPiece>* pieces) override {
    if (text.empty()) return;
    if (!pieces->empty()) {
      pieces->back().text += text;
    } else {
      pieces->push_back({.text = std::string(text)});
    }
  }
  void Finish(std::vector<ChatPiece>* /*pieces*/) override {}
};

class Plain final : public ChatFormat {
 public:
  std::string_view name() const override { return "plain"; }
  bool Fits(std::string_view /*source*/) const override { return true; }
  std::span<const std::string_view> tokens() const override { return {}; }
  std::unique_ptr<ChatParser> NewParser(std::string_view /*source*/,
                                        const ChatParserOptions& /*options*/) const override {
    return std::make_unique<PlainParser>();
  }
};

}  // namespace

const ChatFormat& PlainFormat() {
  static const Plain format;
  return format;
}

const ChatFormat& FindChatFormat(std::string_view source) {
  for (const ChatFormat* format :
       {&HarmonyFormat(), &MistralFormat(), &GraniteFormat(), &LlamaFormat(), &HermesFormat()}) {
    if (format->Fits(source)) return *format;
  }
  return PlainFormat();
}

}  // namespace firstlight
