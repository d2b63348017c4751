#include "engine/chat/formats/tagged_parser.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/chat/formats/chat_output.h"
#include "engine/chat/formats/marker_reader.h"
#include "engine/chat/formats/tool_call_reader.h"

namespace firstlight {
namespace {

bool EndsWithin(std::string_view prompt_end, std::string_view begin) {
  const size_t last = prompt_end.find_last_not_of(" \t\n\r");
  return !begin.empty() && last != std::string_view::npos &&
         prompt_end.substr(0, last + 1).ends_with(begin);
}

class TaggedParser final : public ChatParser {
 public:
  TaggedParser(TaggedFormat format, const ChatParserOptions& options)
      : format_(std::move(format)),
        output_(options.id_seed),
        state_(EndsWithin(options.prompt_end, format_.think_begin) ? State::kReasoning
                                                                   : State::kText) {}

  void Append(std::string_view text, std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    reader_.Append(text);
    while (Step()) {
    }
  }

  void Finish(std::vector<ChatPiece>* pieces) override {
    output_.SetSink(pieces);
    if (state_ == State::kCall) GiveUpCall();
    if (state_ == State::kReasoning) {
      output_.Reasoning(reader_.TakeAll());
    } else {
      output_.Text(reader_.TakeAll());
    }
    output_.Finish();
  }

 private:
  enum class State { kText, kReasoning, kCall };
  enum class Tag { kThink, kCall, kLeftOut };

  // Whether there may be more to do with what is unread.
  bool Step() {
    switch (state_) {
      case State::kText:
        return ReadText();
      case State::kReasoning:
        return ReadReasoning();
      case State::kCall:
        return ReadCall();
    }
    return false;
  }

  bool ReadText() {
    // Which tags count depends on what came before them, so text is read up to any of them.
    std::vector<std::string_view> markers;
    std::vector<Tag> tags;
    const auto add = [&](std::string_view marker, Tag tag) {
      if (marker.empty()) return;
      markers.push_back(marker);
      tags.push_back(tag);
    };
    add(format_.think_begin, Tag::kThink);
    for (const std::string_view marker : format_.call_begins) add(marker, Tag::kCall);
    if (called_) {
      for (const std::string_view marker : format_.call_ends) add(marker, Tag::kLeftOut);
    }
    if (reasoned_) {
      add(format_.answer_begin, Tag::kLeftOut);
      add(format_.answer_end, Tag::kLeftOut);
    }
    const MarkerReader::Taken taken = reader_.Take(markers);
    output_.Text(taken.text);
    if (taken.marker == MarkerReader::kNone) return false;
    const std::string_view marker = markers[taken.marker];
    switch (tags[taken.marker]) {
      case Tag::kThink:
        if (output_.has_answer() || reasoned_) {
          output_.Text(marker);
        } else {
          state_ = State::kReasoning;
        }
        break;
      case Tag::kCall:
        call_marker_ = marker;
        call_.emplace(ToolCallReader::Options{format_.names_before_arguments});
        state_ = State::kCall;
        break;
      case Tag::kLeftOut:
        break;
    }
    return true;
  }

  bool ReadReasoning() {
    const MarkerReader::Taken taken = reader_.Take({&format_.think_end, 1});
    output_.Reasoning(taken.text);
    if (taken.marker == MarkerReader::kNone) return false;
    output_.EndReasoning();
    reasoned_ = true;
    state_ = State::kText;
    return true;
  }

  bool ReadCall() {
    std::vector<ToolCall> calls;
    reader_.Skip(call_->Read(reader_.unread(), &calls));
    for (ToolCall& call : calls) output_.Call(std::move(call));
    if (call_->state() == ToolCallReader::State::kReading) return false;
    if (call_->state() == ToolCallReader::State::kMalformed) {
      GiveUpCall();
    } else {
      called_ = true;
      call_.reset();
      state_ = State::kText;
    }
    return true;
  }

  // What is no call is text. It is not read for tags again: a tag in it would be one for some ways
  // that the text comes in pieces, and not for others.
  void GiveUpCall() {
    if (!call_->has_calls()) output_.Text(call_marker_);
    output_.Text(call_->rest());
    called_ = called_ || call_->has_calls();
    call_.reset();
    state_ = State::kText;
  }

  const TaggedFormat format_;
  ChatOutput output_;
  MarkerReader reader_;
  State state_;
  bool reasoned_ = false;
  bool called_ = false;
  std::string_view call_marker_;
  std::optional<ToolCallReader> call_;
};

}  // namespace

std::unique_ptr<ChatParser> NewTaggedParser(TaggedFormat format, const ChatParserOptions& options) {
  return std::make_unique<TaggedParser>(std::move(format), options);
}

}  // namespace firstlight
