#include "engine/chat/formats/chat_output.h"

#include <algorithm>
#include <utility>

namespace firstlight {
namespace {

constexpr std::string_view kSpace = " \t\n\r";

// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Moves what `text` ends with of `characters` to the end of `held`.
std::string_view HoldEnd(std::string_view text, std::string_view characters, std::string* held) {
  const size_t end = text.find_last_not_of(characters) + 1;  // npos + 1 is 0
  held->append(text.substr(end));
  return text.substr(0, end);
}

}  // namespace

void ChatOutput::Emit(ChatPiece::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (!pieces_->empty() && pieces_->back().kind == kind) {
    pieces_->back().text += text;
  } else {
    pieces_->push_back({.kind = kind, .text = std::string(text)});
  }
}

void ChatOutput::Text(std::string_view text) {
  if (skip_line_breaks_) {
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
    if (text.empty()) return;
    skip_line_breaks_ = false;
  }
  std::string ending;
  const std::string_view certain = HoldEnd(text, kSpace, &ending);
  if (!certain.empty()) {
    Emit(ChatPiece::Kind::kText, std::exchange(held_, std::string()));
    Emit(ChatPiece::Kind::kText, certain);
    has_text_ = true;
  }
  held_ += ending;
}

void ChatOutput::Reasoning(std::string_view text) {
  if (!reasoning_begun_) {
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
    if (text.empty()) return;
    reasoning_begun_ = true;
    held_.clear();
  }
  std::string ending;
  const std::string_view certain = HoldEnd(text, "\n", &ending);
  if (!certain.empty()) {
    Emit(ChatPiece::Kind::kReasoning, std::exchange(held_reasoning_, std::string()));
    Emit(ChatPiece::Kind::kReasoning, certain);
  }
  held_reasoning_ += ending;
}

void ChatOutput::EndReasoning() {
  held_reasoning_.clear();
  held_.clear();
  reasoning_begun_ = false;
  skip_line_breaks_ = true;
}

void ChatOutput::Call(ToolCall call) {
  held_.clear();
  skip_line_breaks_ = false;
  if (call.id.empty()) call.id = DrawId();
  ++calls_;
  pieces_->push_back({.kind = ChatPiece::Kind::kToolCall, .tool_call = std::move(call)});
}

void ChatOutput::Finish() {
  Emit(ChatPiece::Kind::kReasoning, std::exchange(held_reasoning_, std::string()));
  if (calls_ == 0) Emit(ChatPiece::Kind::kText, held_);
  held_.clear();
}

// Nine letters and digits, which is what the templates of Mistral want and no other minds.
std::string ChatOutput::DrawId() {
  constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr int kLength = 9;
  uint64_t bits = Mix(id_seed_ ^ Mix(calls_));
  std::string id;
  for (int i = 0; i < kLength; ++i) {
    id += kAlphabet[bits % kAlphabet.size()];
    bits /= kAlphabet.size();
  }
  return id;
}

}  // namespace firstlight
