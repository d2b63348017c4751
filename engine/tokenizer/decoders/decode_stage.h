#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_DECODE_STAGE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_DECODE_STAGE_H_

// One decoding under way: tokens go in, text comes out as soon as no later token can change it.
// Stages form a chain, one for each decoder of tokenizer.json; each hands what it is sure of to the
// next, the last one to `out`.
//
// Used by one thread at a time; never blocks.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace firstlight {

class DecodeStage {
 public:
  // `next` is null for the last stage.
  explicit DecodeStage(std::unique_ptr<DecodeStage> next) : next_(std::move(next)) {}
  virtual ~DecodeStage() = default;
  DecodeStage(const DecodeStage&) = delete;
  DecodeStage& operator=(const DecodeStage&) = delete;

  // Takes the next token, valid UTF-8; behind a stage that fuses, the next part of the one token.
  virtual void Push(std::string_view token, std::string& out) = 0;

  // There are no more tokens: hands on what was held back.
  virtual void Flush(std::string& out) { FlushNext(out); }

 protected:
  void PushNext(std::string_view token, std::string& out) {
    if (next_ != nullptr) {
      next_->Push(token, out);
    } else {
      out += token;
    }
  }
  void FlushNext(std::string& out) {
    if (next_ != nullptr) {
      next_->Flush(out);
    }
  }

 private:
  const std::unique_ptr<DecodeStage> next_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_DECODE_STAGE_H_
