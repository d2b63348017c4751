#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_SEQUENCE_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_SEQUENCE_H_

// One sequence of a request: its tokens, its keys and values, how its next token is chosen, and
// when it ends.
//
// A sequence whose blocks were taken keeps its tokens and computes them again later: logits do not
// depend on how they were come by, and draws depend on the token's place only, so the continuation
// is the same to the bit.
//
// Used by the engine's thread; Sample, which changes nothing, also by workers, each with a scratch
// of its own.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/generation.h"
#include "engine/kv_cache/paged_cache.h"
#include "engine/kv_cache/state_block.h"
#include "engine/sampling/logprobs.h"
#include "engine/sampling/processors.h"
#include "engine/sampling/sampler.h"
#include "engine/scheduling/scheduling_policy.h"
#include "engine/scheduling/text_stream.h"

namespace firstlight {

struct Request;

class Sequence {
 public:
  enum class State {
    kAwaitingPrompt,  // another sequence of the request computes the prompt for it
    kWaiting,         // for a place in the batch: new, given way, or its reader has no room
    kRunning,         // takes part in its model's steps
    kFinished,
  };

  struct Sampled {
    int32_t id = 0;
    Logprobs logprobs;  // when the request asked for them
  };

  // What a token led to.
  struct Outcome {
    DeltaEvent delta;
    bool has_delta = false;
    std::optional<FinishedEvent> finished;
  };

  // `request` is tokenized and resolved, and outlives the sequence.
  Sequence(const Request* request, int64_t index);

  SequenceAge age() const;
  const Request& request() const { return *request_; }
  int64_t index() const { return index_; }

  int64_t prompt_tokens() const { return prompt_tokens_; }
  // Tokens of prompt and answer so far.
  int64_t length() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t generated() const { return length() - prompt_tokens_; }
  // Tokens whose keys and values are in the cache.
  int64_t computed() const { return computed_; }
  int64_t remaining() const { return length() - computed_; }
  bool decoding() const { return remaining() == 1 && generated() > 0; }
  // The next `count` tokens to compute. Valid until Accept.
  absl::Span<const int32_t> NextTokens(int64_t count) const;

  // Of the next `rows` rows, how many at their end the request wants logits of to describe its
  // prompt: none where it does not ask, or has been told before the sequence gave way.
  int64_t UndescribedPromptRows(int64_t rows) const;

  PagedCache* cache() { return &cache_; }
  float* recurrent_state() const { return state_.data(); }
  bool holds_blocks() const { return cache_.held_bytes() > 0 || state_.holds_memory(); }
  // Room for the next pass over the tokens that are not computed, at most `chunk` of them, as
  // PagedCache::Reserve has it, and for the states of layers that recur. False when the budget has
  // none; what was reserved before stays.
  bool Reserve(int64_t chunk);
  // What Reserve would take of the budget.
  int64_t MissingBytes(int64_t chunk) const;
  // The next `count` tokens have been computed. Gives back what no later one attends.
  void Advance(int64_t count);
  // Gives its blocks back.
  void ReleaseBlocks();
  // Takes over the prompt that `other`, of the same request, has just computed: shares the blocks
  // that the prompt fills, which nobody writes any more, and copies the one that the answer goes on
  // in, and the states. False when there is no room for them; then nothing is held.
  bool TakePrompt(const Sequence& other);

  // Chooses the next token by its logits, [vocabulary]. INTERNAL naming the model when they are not
  // finite.
  absl::StatusOr<Sampled> Sample(absl::Span<const float> logits, SamplerScratch* scratch) const;

  // How probable the model thought the prompt's token `position` + 1, by the logits of `position`,
  // [vocabulary]. Errors as Sample.
  absl::StatusOr<Logprobs> PromptLogprobs(int64_t position, absl::Span<const float> logits,
                                          SamplerScratch* scratch) const;

  // Appends the chosen token at time `now`.
  Outcome Accept(Sampled sampled, absl::Time now);

  // Ends the sequence where it is, with what was held back.
  Outcome Finish(FinishReason reason, absl::Time now);

  // The prompt as the first delta, where the request asked for it.
  std::optional<DeltaEvent> Echo() const;

  State state = State::kWaiting;
  bool in_pass = false;             // part of a pass under way
  bool waited_for_weights = false;  // since its last delta

 private:
  // What is to be computed, at most `chunk` tokens a pass.
  CacheSpan NextSpan(int64_t chunk) const {
    return {.first = computed_, .end = length(), .chunk = chunk};
  }

  TextStream::Options StreamOptions() const;
  absl::Status NoMemory(absl::Span<const float> logits) const;
  bool IsEnd(int32_t id, FinishedEvent* finished) const;
  FinishedEvent MakeFinished(FinishReason reason, absl::Time now) const;
  Outcome Close(FinishedEvent finished, TextStream::Output output);

  const Request* const request_;
  const int64_t index_;
  const int64_t prompt_tokens_;
  std::vector<int32_t> tokens_;
  PagedCache cache_;
  StateBlock state_;
  int64_t computed_ = 0;
  TokenCounts counts_;
  TextStream stream_;
  std::optional<absl::Time> first_token_;
  absl::Time last_token_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_SEQUENCE_H_
