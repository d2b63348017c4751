// <|channel|>analysis<|message|>…<|end|>
// <|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}<|call|>
// <|start|>assistant<|channel|>final<|message|>…<|return|>
//
// gpt-oss. A message is a header and a body. Bodies of the channel "analysis" are reasoning, bodies
// with a recipient are calls, all others text.

#include <array>
#include <string>
#include <utility>

#include "engine/chat/formats/chat_output.h"
#include "engine/chat/formats/formats.h"
#include "engine/chat/formats/marker_reader.h"
#include "engine/chat/formats/tool_call_reader.h"

namespace firstlight {
namespace {

constexpr std::string_view kStart = "<|start|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kMessage = "<|message|>";
constexpr std::array<std::string_view, 7> kTokens = {
    kStart, kChannel, kMessage, "<|constrain|>", "<|end|>", "<|call|>", "<|return|>"};
// Of kTokens; those after them end a message.
enum Token { kStartToken, kChannelToken, kMessageToken, kConstrainToken };

// More than any header of the format: what is longer is a text without one.
constexpr size_t kMaxHeaderBytes = 1024;

// The word that follows `key` in a header.
std::string_view WordAfter(std::string_view header, std::string_view key) {
  const size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(" \t\n\r<"));
}

class HarmonyParser final : public ChatParser {
 public:
  explicit HarmonyParser(const ChatParserOptions& options) : output_(options.id_seed) {
    if (options.prompt_end.ends_with("<|start|>assistant")) {
      state_ = State::kHeader;
    } else if (options.continues_message) {
      state_ = State::kText;
    }
  }

  void Append(std::string_view text, std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    reader_.Append(text);
    while (Step()) {
    }
  }

  void Finish(std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    Take(reader_.TakeAll());
    EndMessage();
    if (state_ == State::kHeader) output_.Text(header_);
    output_.Finish();
  }

 private:
  enum class State { kBetween, kHeader, kReasoning, kCall, kText };

  // Text of the current state.
  void Take(std::string_view text) {
    switch (state_) {
      case State::kHeader:
        header_ += text;
        if (header_.size() <= kMaxHeaderBytes) return;
        output_.Text(std::exchange(header_, std::string()));
        state_ = State::kText;
        return;
      case State::kReasoning:
        return output_.Reasoning(text);
      case State::kCall:
        body_ += text;
        return;
      case State::kBetween:
      case State::kText:
        return output_.Text(text);
    }
  }

  bool Step() {
    const MarkerReader::Taken taken = reader_.Take(kTokens);
    Take(taken.text);
    if (taken.marker == MarkerReader::kNone) return false;
    switch (taken.marker) {
      case kMessageToken:
        BeginBody();
        break;
      case kStartToken:
      case kChannelToken:
        if (state_ != State::kHeader) {
          EndMessage();
          state_ = State::kHeader;
        }
        header_ += kTokens[taken.marker];
        break;
      case kConstrainToken:
        Take(kTokens[taken.marker]);
        break;
      default:
        if (state_ == State::kHeader) {
          Take(kTokens[taken.marker]);
        } else {
          end_ = kTokens[taken.marker];
          EndMessage();
        }
    }
    return true;
  }

  // The header is complete.
  void BeginBody() {
    if (state_ != State::kHeader) {
      output_.Text(kMessage);
      return;
    }
    recipient_ = WordAfter(header_, " to=");
    if (!recipient_.empty()) {
      state_ = State::kCall;
    } else if (WordAfter(header_, kChannel) == "analysis") {
      state_ = State::kReasoning;
    } else {
      state_ = State::kText;
    }
    if (state_ != State::kCall) header_.clear();
  }

  // The body, if any, is complete.
  void EndMessage() {
    if (state_ == State::kReasoning) output_.EndReasoning();
    if (state_ == State::kCall) EndCall();
    end_ = {};
    if (state_ != State::kHeader) state_ = State::kBetween;
  }

  void EndCall() {
    constexpr std::string_view kFunctions = "functions.";
    std::string_view name = recipient_;
    if (name.starts_with(kFunctions)) name.remove_prefix(kFunctions.size());
    if (!name.empty() && IsJsonObject(body_)) {
      output_.Call({.name = std::string(name), .arguments = body_});
    } else {
      output_.Text(header_);
      output_.Text(kMessage);
      output_.Text(body_);
      output_.Text(end_);
    }
    header_.clear();
    body_.clear();
  }

  ChatOutput output_;
  MarkerReader reader_;
  State state_ = State::kBetween;
  std::string header_;
  std::string recipient_;
  std::string body_;      // of a call
  std::string_view end_;  // the token that ended the message
};

class Harmony final : public ChatFormat {
 public:
  std::string_view name() const override { return "harmony"; }
  bool Fits(std::string_view source) const override {
    return source.find(kChannel) != std::string_view::npos &&
           source.find(kMessage) != std::string_view::npos;
  }
  std::span<const std::string_view> tokens() const override { return kTokens; }
  std::unique_ptr<ChatParser> NewParser(std::string_view /*source*/,
                                        const ChatParserOptions& options) const override {
    return std::make_unique<HarmonyParser>(options);
  }
};

}  // namespace

const ChatFormat& HarmonyFormat() {
  static const Harmony format;
  return format;
}

}  // namespace firstlight
