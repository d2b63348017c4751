#include "server/rpc/response_writer.h"

#include <random>

#include "server/rpc/call.h"
#include "server/rpc/generation_messages.h"

namespace firstlight {
namespace {

// Not a secret: ids of tool calls only have to differ between the turns of a conversation.
uint64_t DrawIdSeed() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

void AddPiece(ChatPiece piece, int32_t* tool_calls, v1::ChatDelta* delta) {
  switch (piece.kind) {
    case ChatPiece::Kind::kReasoning:
      delta->mutable_reasoning()->append(piece.text);
      break;
    case ChatPiece::Kind::kText:
      delta->mutable_text()->append(piece.text);
      break;
    case ChatPiece::Kind::kToolCall: {
      v1::ToolCallDelta& call = *delta->add_tool_calls();
      call.set_index((*tool_calls)++);
      call.set_id(std::move(piece.tool_call.id));
      call.set_name(std::move(piece.tool_call.name));
      call.set_arguments_fragment(std::move(piece.tool_call.arguments));
      break;
    }
  }
}

// Whether a message that holds `delta` may hold a piece of that kind too: reasoning is read before
// text, and that before calls.
bool MayFollow(const v1::ChatDelta& delta, ChatPiece::Kind kind) {
  switch (kind) {
    case ChatPiece::Kind::kReasoning:
      return delta.text().empty() && delta.tool_calls().empty();
    case ChatPiece::Kind::kText:
      return delta.tool_calls().empty();
    case ChatPiece::Kind::kToolCall:
      return true;
  }
  return false;
}

bool IsEmpty(const v1::ChatDelta& delta) {
  return delta.text().empty() && delta.reasoning().empty() && delta.tool_calls().empty() &&
         delta.tokens().empty();
}

}  // namespace

void GenerateWriter::Started(const StartedEvent& event, const Answerer& answerer,
                             Responses* responses) {
  responses->push_back(SerializeMessage(
      StartedMessage(event, answerer.request_id, answerer.model, answerer.version)));
}

void GenerateWriter::Prompt(PromptEvent event, Responses* responses) {
  responses->push_back(SerializeMessage(PromptMessage(std::move(event))));
}

void GenerateWriter::Delta(DeltaEvent event, Responses* responses) {
  responses->push_back(SerializeMessage(DeltaMessage(std::move(event), with_tokens_)));
}

void GenerateWriter::Finished(const FinishedEvent& event, Responses* responses) {
  responses->push_back(SerializeMessage(FinishedMessage(event)));
}

void ChatWriter::Started(const StartedEvent& event, const Answerer& answerer,
                         Responses* responses) {
  id_seed_ = DrawIdSeed();
  v1::GenerateResponse generated =
      StartedMessage(event, answerer.request_id, answerer.model, answerer.version);
  v1::ChatResponse response;
  response.mutable_started()->Swap(generated.mutable_started());
  responses->push_back(SerializeMessage(response));
}

ChatWriter::Sequence& ChatWriter::SequenceOf(int64_t index) {
  const auto at = static_cast<size_t>(index);
  if (at >= sequences_.size()) sequences_.resize(at + 1);
  Sequence& sequence = sequences_[at];
  if (sequence.parser == nullptr) sequence.parser = prompt_.NewParser(id_seed_ + at);
  return sequence;
}

void ChatWriter::Delta(DeltaEvent event, Responses* responses) {
  std::vector<ChatPiece> pieces;
  SequenceOf(event.index).parser->Append(event.text, &pieces);
  event.text.clear();
  v1::GenerateResponse generated = DeltaMessage(std::move(event), with_tokens_);
  v1::ChatResponse first;
  first.mutable_delta()->set_index(generated.delta().index());
  first.mutable_delta()->mutable_tokens()->Swap(generated.mutable_delta()->mutable_tokens());
  Write(std::move(pieces), std::move(first), responses);
}

void ChatWriter::Finished(const FinishedEvent& event, Responses* responses) {
  std::vector<ChatPiece> pieces;
  SequenceOf(event.index).parser->Finish(&pieces);
  v1::ChatResponse last;
  last.mutable_delta()->set_index(static_cast<int32_t>(event.index));
  Write(std::move(pieces), std::move(last), responses);
  v1::GenerateResponse generated = FinishedMessage(event);
  v1::ChatResponse response;
  response.mutable_finished()->Swap(generated.mutable_finished());
  responses->push_back(SerializeMessage(response));
}

void ChatWriter::Write(std::vector<ChatPiece> pieces, v1::ChatResponse first,
                       Responses* responses) {
  v1::ChatResponse response = std::move(first);
  const int32_t index = response.delta().index();
  for (ChatPiece& piece : pieces) {
    if (!MayFollow(response.delta(), piece.kind)) {
      responses->push_back(SerializeMessage(response));
      response.Clear();
      response.mutable_delta()->set_index(index);
    }
    AddPiece(std::move(piece), &SequenceOf(index).tool_calls, response.mutable_delta());
  }
  if (!IsEmpty(response.delta())) responses->push_back(SerializeMessage(response));
}

}  // namespace firstlight
