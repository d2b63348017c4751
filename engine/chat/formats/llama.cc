// {"name": "f", "parameters": {…}}; {"name": "g", "parameters": {…}}
// <|python_tag|>{"name": "f", "parameters": {…}}
// <|python_tag|>brave_search.call(query="…")
//
// Llama 3.1 to 3.3. Without the tag, an answer is calls only where the model was told of tools and
// all that it has written is JSON; else it may be an answer in JSON.

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "engine/chat/formats/builtin_call.h"
#include "engine/chat/formats/chat_output.h"
#include "engine/chat/formats/formats.h"
#include "engine/chat/formats/marker_reader.h"
#include "engine/chat/formats/tool_call_reader.h"

namespace firstlight {
namespace {

constexpr std::string_view kTag = "<|python_tag|>";
constexpr std::array<std::string_view, 1> kTokens = {kTag};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class LlamaParser final : public ChatParser {
 public:
  explicit LlamaParser(const ChatParserOptions& options)
      : output_(options.id_seed),
        state_(options.has_tools && !options.continues_message ? State::kBetween : State::kText) {}

  void Append(std::string_view text, std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    reader_.Append(text);
    while (Step()) {
    }
  }

  void Finish(std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    if (state_ == State::kTagged) {
      EndTagged();
    } else if (state_ == State::kCall) {
      GiveUpCall();
    }
    output_.Text(separator_);
    output_.Text(reader_.TakeAll());
    output_.Finish();
  }

 private:
  enum class State {
    kBetween,  // where a call may begin: at the beginning, and after a call
    kCall,
    kText,
    kTagged,  // after the tag, up to the end of the answer
  };

  bool Step() {
    switch (state_) {
      case State::kBetween:
        return ReadBetween();
      case State::kCall:
        return ReadCall();
      case State::kText:
        return ReadText();
      case State::kTagged:
        tagged_ += reader_.TakeAll();
        return false;
    }
    return false;
  }

  bool ReadBetween() {
    const std::string_view unread = reader_.unread();
    if (unread.empty()) return false;
    if (IsSpace(unread.front()) || (after_call_ && unread.front() == ';')) {
      separator_ += unread.front();
      reader_.Skip(1);
      return true;
    }
    if (unread.front() == '{') {
      call_.emplace(ToolCallReader::Options());
      state_ = State::kCall;
    } else {
      output_.Text(std::exchange(separator_, std::string()));
      state_ = State::kText;
    }
    return true;
  }

  bool ReadCall() {
    std::vector<ToolCall> calls;
    reader_.Skip(call_->Read(reader_.unread(), &calls));
    for (ToolCall& call : calls) output_.Call(std::move(call));
    if (call_->state() == ToolCallReader::State::kReading) return false;
    if (call_->state() == ToolCallReader::State::kMalformed) {
      GiveUpCall();
      return true;
    }
    separator_.clear();
    after_call_ = true;
    call_.reset();
    state_ = State::kBetween;
    return true;
  }

  void GiveUpCall() {
    output_.Text(std::exchange(separator_, std::string()));
    output_.Text(call_->rest());
    call_.reset();
    state_ = State::kText;
  }

  bool ReadText() {
    const MarkerReader::Taken taken = reader_.Take(kTokens);
    output_.Text(taken.text);
    if (taken.marker == MarkerReader::kNone) return false;
    state_ = State::kTagged;
    return true;
  }

  // Only its end tells JSON from a program.
  void EndTagged() {
    std::vector<ToolCall> calls;
    if (std::optional<ToolCall> builtin = ParseBuiltinCall(tagged_); builtin.has_value()) {
      calls.push_back(*std::move(builtin));
    } else {
      std::string_view rest = tagged_;
      while (!rest.empty()) {
        ToolCallReader reader{ToolCallReader::Options()};
        rest.remove_prefix(reader.Read(rest, &calls));
        if (reader.state() != ToolCallReader::State::kDone) {
          calls.clear();
          break;
        }
        while (!rest.empty() && (IsSpace(rest.front()) || rest.front() == ';')) {
          rest.remove_prefix(1);
        }
      }
    }
    if (calls.empty()) {
      output_.Text(kTag);
      output_.Text(tagged_);
    }
    for (ToolCall& call : calls) output_.Call(std::move(call));
  }

  ChatOutput output_;
  MarkerReader reader_;
  State state_;
  bool after_call_ = false;
  std::string separator_;
  std::string tagged_;
  std::optional<ToolCallReader> call_;
};

class Llama final : public ChatFormat {
 public:
  std::string_view name() const override { return "llama"; }
  // Smaller ones of the family know no built-in tools, and no tag.
  bool Fits(std::string_view source) const override {
    return source.find(kTag) != std::string_view::npos ||
           (source.find("<|start_header_id|>") != std::string_view::npos &&
            source.find("\"parameters\": ") != std::string_view::npos);
  }
  std::span<const std::string_view> tokens() const override { return kTokens; }
  std::unique_ptr<ChatParser> NewParser(std::string_view /*source*/,
                                        const ChatParserOptions& options) const override {
    return std::make_unique<LlamaParser>(options);
  }
};

}  // namespace

const ChatFormat& LlamaFormat() {
  static const Llama format;
  return format;
}

}  // namespace firstlight
