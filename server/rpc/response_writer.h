#ifndef FIRSTLIGHT_SERVER_RPC_RESPONSE_WRITER_H_
#define FIRSTLIGHT_SERVER_RPC_RESPONSE_WRITER_H_

// What the client of a stream gets for the engine's events. One object a stream; called for one
// event at a time, off the engine's threads.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/chat/conversation.h"
#include "engine/chat/formats/chat_parser.h"
#include "engine/generation.h"
#include "firstlight/v1/generation.pb.h"
#include "grpcpp/grpcpp.h"

namespace firstlight {

class ResponseWriter {
 public:
  // Who answers.
  struct Answerer {
    std::string request_id;
    std::string model;
    int64_t version = 0;
  };
  using Responses = std::deque<grpc::ByteBuffer>;

  virtual ~ResponseWriter() = default;

  // Each appends its messages, in order; there may be none.
  virtual void Started(const StartedEvent& event, const Answerer& answerer,
                       Responses* responses) = 0;
  // Only where the request asked for it; Chat refuses to.
  virtual void Prompt(PromptEvent /*event*/, Responses* /*responses*/) {}
  virtual void Delta(DeltaEvent event, Responses* responses) = 0;
  virtual void Finished(const FinishedEvent& event, Responses* responses) = 0;
};

// GenerateResponses, one for each event.
class GenerateWriter final : public ResponseWriter {
 public:
  explicit GenerateWriter(bool with_tokens) : with_tokens_(with_tokens) {}

  void Started(const StartedEvent& event, const Answerer& answerer, Responses* responses) override;
  void Prompt(PromptEvent event, Responses* responses) override;
  void Delta(DeltaEvent event, Responses* responses) override;
  void Finished(const FinishedEvent& event, Responses* responses) override;

 private:
  const bool with_tokens_;
};

// ChatResponses: the text of each sequence taken apart by the format of the model.
class ChatWriter final : public ResponseWriter {
 public:
  ChatWriter(ChatPrompt prompt, bool with_tokens)
      : prompt_(std::move(prompt)), with_tokens_(with_tokens) {}

  void Started(const StartedEvent& event, const Answerer& answerer, Responses* responses) override;
  void Delta(DeltaEvent event, Responses* responses) override;
  void Finished(const FinishedEvent& event, Responses* responses) override;

 private:
  struct Sequence {
    std::unique_ptr<ChatParser> parser;
    int32_t tool_calls = 0;
  };

  Sequence& SequenceOf(int64_t index);
  // Messages of `pieces`; the first of them is `first`, which has tokens or nothing.
  void Write(std::vector<ChatPiece> pieces, v1::ChatResponse first, Responses* responses);

  const ChatPrompt prompt_;
  const bool with_tokens_;
  uint64_t id_seed_ = 0;             // from the stream's first event
  std::vector<Sequence> sequences_;  // by index
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_RESPONSE_WRITER_H_
