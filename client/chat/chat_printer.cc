#include "client/chat/chat_printer.h"

#include <cstdio>

#include "client/terminal_text.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

void WriteRaw(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

void ChatPrinter::Write(std::string_view text) {
  if (text.empty()) return;
  WriteText(text);
  last_character_ = text.back();
}

void ChatPrinter::Begin(Part part) {
  if (part_ == part) return;
  if (part_ == Part::kReasoning) WriteRaw(kPlain);
  if (part_ != Part::kNone && last_character_ != '\n') Write("\n");
  if (part_ == Part::kReasoning && part == Part::kText) Write("\n");
  if (part == Part::kReasoning) WriteRaw(kDim);
  part_ = part;
}

void ChatPrinter::Add(const v1::ChatDelta& delta) {
  if (terminal_ && !delta.reasoning().empty()) {
    Begin(Part::kReasoning);
    Write(delta.reasoning());
  }
  if (!delta.text().empty()) {
    Begin(Part::kText);
    Write(delta.text());
  }
  for (const v1::ToolCallDelta& call : delta.tool_calls()) {
    if (!call.name().empty()) {
      Begin(Part::kCalls);
      if (last_character_ != '\n') Write("\n");
      Write(StrCat("-> ", call.name(), " "));
    }
    Write(call.arguments_fragment());
  }
}

void ChatPrinter::End() {
  if (part_ == Part::kReasoning) WriteRaw(kPlain);
  if (last_character_ != '\n') Write("\n");
}

void Collect(const v1::ChatDelta& delta, AssistantReply* reply) {
  reply->reasoning += delta.reasoning();
  reply->text += delta.text();
  for (const v1::ToolCallDelta& call : delta.tool_calls()) {
    const auto index = static_cast<size_t>(call.index());
    if (index > reply->calls.size()) continue;  // calls come in order
    if (index == reply->calls.size()) reply->calls.emplace_back();
    AssistantReply::Call& kept = reply->calls[index];
    kept.id += call.id();
    kept.name += call.name();
    kept.arguments += call.arguments_fragment();
  }
}

}  // namespace firstlight
