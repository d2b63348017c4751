#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_TEXT_STREAM_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_TEXT_STREAM_H_

// From the sampled tokens of one sequence to the deltas of its stream: detokenized to valid UTF-8,
// with what could become part of a stop sequence held back.
//
// A token is delivered with or after the text that it made, never before. Over the whole stream
// every token is delivered once, in order. A token's text is its own (Tokenizer::TokenText); of a
// token that a left-out stop sequence covers, only the part before it.
//
// Without a tokenizer there is no text and tokens are delivered at once. Used by one thread.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/generation.h"
#include "engine/sampling/logprobs.h"
#include "engine/stop_matcher.h"
#include "engine/tokenizer/detokenizer.h"

namespace firstlight {

// A token with the text that it and its alternatives have by themselves; `logprobs` may be nullptr.
GeneratedToken DescribeToken(const Tokenizer* tokenizer, int32_t id, const Logprobs* logprobs);

class TextStream {
 public:
  struct Options {
    int64_t index = 0;                     // of the sequence, for the deltas
    const Tokenizer* tokenizer = nullptr;  // nullptr: the model has none
    bool tokens = false;                   // whether deltas list tokens
    bool logprobs = false;
    // Special tokens that are part of the text.
    std::vector<std::string> shown_special_tokens = {};
    std::vector<std::string> stop_sequences = {};
    bool include_stop_sequence = false;
  };

  struct Token {
    int32_t id = 0;
    Logprobs logprobs;     // where Options::logprobs
    bool has_text = true;  // false for a token that ends the sequence and is left out of the text
    bool stops_armed = true;  // false before the minimum number of tokens
  };

  struct Output {
    DeltaEvent delta;
    std::optional<std::string> stop_sequence;  // matched: nothing may follow but Finish

    bool empty() const { return delta.text.empty() && delta.tokens.empty(); }
  };

  // `prompt`, which the text continues, is looked at during the call only.
  TextStream(Options options, absl::Span<const int32_t> prompt);

  Output Append(const Token& token);

  // What is held back, after the last token. A stop sequence may still complete in it.
  Output Finish();

 private:
  struct PendingToken {
    GeneratedToken token;
    std::string made;   // the text that became certain with it
    int64_t begin = 0;  // of `made` in the sequence's text, bytes
    // The detokenizer holds its text back: it comes at `begin` with a later token.
    bool text_follows = false;
  };

  bool IsHidden(int32_t id) const;
  Output Release(std::string text, std::optional<std::string> stop_sequence, bool last);

  const Options options_;
  const std::vector<int32_t> shown_special_ids_;  // ascending
  std::unique_ptr<Detokenizer> detokenizer_;
  StopMatcher stop_matcher_;
  std::deque<PendingToken> pending_;
  int64_t made_bytes_ = 0;
  int64_t released_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_TEXT_STREAM_H_
