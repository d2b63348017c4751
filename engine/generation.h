#ifndef FIRSTLIGHT_ENGINE_GENERATION_H_
#define FIRSTLIGHT_ENGINE_GENERATION_H_

// The request and the events of one generation, as the engine knows them: plain values, no gRPC.
//
// Options that a request may leave out are std::optional, so that 0 and unset differ. What is
// unset comes from the checkpoint's generation_config.json, then from the server's defaults
// (engine/generation_options.h checks and resolves). Field names are those of
// proto/firstlight/v1/generation.proto; errors name them by their path ("sampling.top_p").

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/chat/byte_interval.h"

namespace firstlight {

struct SamplingOptions {
  std::optional<double> temperature;         // 0 is greedy; [0, 100]
  std::optional<int64_t> top_k;              // 0 is off
  std::optional<double> top_p;               // (0, 1]; 1 is off
  std::optional<double> min_p;               // [0, 1]; 0 is off
  std::optional<double> typical_p;           // (0, 1]; 1 is off
  std::optional<double> repetition_penalty;  // (0, inf); 1 is off; prompt and generated tokens
  std::optional<double> frequency_penalty;   // [-2, 2]; generated tokens
  std::optional<double> presence_penalty;    // [-2, 2]; generated tokens
  std::optional<uint64_t> seed;              // drawn when unset
  std::vector<std::pair<int32_t, double>> logit_bias;    // token id, added to its logit
  std::vector<std::string> bad_words;                    // texts that must not come
  std::vector<std::vector<int32_t>> bad_word_token_ids;  // sequences of tokens that must not
  std::vector<int32_t> allowed_token_ids;                // none but these; empty: all
};

struct StoppingOptions {
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> min_tokens;  // no end-of-sequence and no stop before that many
  std::vector<std::string> stop_sequences;
  std::vector<int32_t> stop_token_ids;
  bool include_stop_sequence = false;
  bool ignore_eos = false;
  std::optional<absl::Duration> time_limit;  // from arrival; ends with TIME_LIMIT, keeps its text
};

struct OutputOptions {
  bool logprobs = false;
  bool prompt_logprobs = false;  // PromptEvents before the first delta of an answer
  int64_t top_logprobs = 0;      // [0, 20]; alternatives a token, of answer and prompt
  bool token_ids = false;        // fill DeltaEvent::tokens
  bool echo = false;             // the prompt's text first
  // Whether the text continues the prompt's, so that a word that follows it keeps its space. False:
  // it is decoded by itself.
  bool continues_prompt = true;
  // Special tokens that are part of the text, where others are left out.
  std::vector<std::string> shown_special_tokens = {};
};

struct GenerationRequest {
  std::string request_id;                                 // for logs and events
  std::variant<std::string, std::vector<int32_t>> input;  // text (valid UTF-8) or token ids
  bool add_special_tokens = true;                         // concerns text only
  // Of the text: bytes that are not the server's own but somebody's data, where no special token is
  // recognised. Sorted and disjoint.
  std::vector<ByteInterval> data_bytes = {};
  SamplingOptions sampling;
  StoppingOptions stopping;
  OutputOptions output;
  int64_t num_sequences = 1;
  absl::Time deadline = absl::InfiniteFuture();  // past it: DEADLINE_EXCEEDED, wherever it is
};

enum class FinishReason {
  kStopSequence,
  kEndOfSequence,
  kMaxTokens,
  kContextLimit,
  kTimeLimit,
  kCancelled,
  kModelUnloaded,
};

struct TokenLogprob {
  int32_t id = 0;
  std::string text;
  double logprob = 0;  // natural, of the raw logits before any processor
};

struct GeneratedToken {
  int32_t id = 0;
  std::string text;
  std::optional<double> logprob;  // set when OutputOptions::logprobs, or prompt_logprobs
  std::vector<TokenLogprob> top;  // best first
};

// First event of a request, before any other.
struct StartedEvent {
  uint64_t seed = 0;
  int64_t prompt_tokens = 0;
};

// Tokens of the prompt with what the model thought of them, for OutputOptions::prompt_logprobs:
// every token once over all events, in order. The first has no logprob, since nothing comes before
// it.
struct PromptEvent {
  std::vector<GeneratedToken> tokens;
};

struct DeltaEvent {
  int64_t index = 0;  // which of num_sequences
  // Since the delta before, a step of the sequence waited for weights: BatchPass::waited.
  bool waited_for_weights = false;
  std::string text;  // valid UTF-8; never part of a stop sequence that then completes
  std::vector<GeneratedToken> tokens;
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
};

struct Timings {
  absl::Duration queue;                // arrival to its first step
  absl::Duration prefill;              // first step to the end of its last prompt chunk
  absl::Duration time_to_first_token;  // arrival to the first token sampled
  absl::Duration decode;               // first token to the last
  absl::Duration total;                // arrival to the end
};

// How much of its model's weights a request found in memory.
enum class ResidencyClass {
  kCold,    // bytes that storage was read for came to 1% of the weights that it needs
  kMapped,  // no such bytes, but 1% of the weights had yet to be mapped
  kWarm,    // neither
};

// What a request paid for weights that were not in memory, from its leaving the queue to its first
// token. What a step reads is charged whole to each request of its model that is still waiting for
// its first token.
struct RequestResidency {
  ResidencyClass residency = ResidencyClass::kWarm;
  int64_t storage_bytes_read = 0;
  int64_t major_faults = 0;
  int64_t minor_faults = 0;
  // Shares of the weights when it left the queue, in [0, 1]. Unset where the system does not tell.
  std::optional<double> mapped_before;    // in the page tables
  std::optional<double> resident_before;  // in the page cache
};

// The first token of a request is there; the delta that holds it may come later.
struct FirstTokenEvent {
  absl::Duration queue;  // as in Timings
  RequestResidency residency;
};

struct FinishedEvent {
  int64_t index = 0;
  FinishReason reason = FinishReason::kMaxTokens;
  // What matched, for kStopSequence (the sequence, or the stop token's id) and kEndOfSequence.
  std::optional<std::string> stop_sequence;
  std::optional<int32_t> stop_token_id;
  Usage usage;
  Timings timings;
  std::optional<RequestResidency> residency;  // unset before the request's first token
};

// Receives the events of one request. Every call comes from the engine's threads, one at a time,
// and must not block, take long or call back into the engine. Order: OnStarted once, the echo of
// the prompt, OnPrompt as often as it takes, OnFirstToken once and before the first delta of an
// answer, deltas, one OnFinished per sequence, OnDone once and last. An error may take the place of
// what is still to come at any point: OnDone(error), and nothing after it.
class GenerationObserver {
 public:
  virtual ~GenerationObserver() = default;

  virtual void OnStarted(StartedEvent event) = 0;
  virtual void OnPrompt(PromptEvent /*event*/) {}
  virtual void OnFirstToken(const FirstTokenEvent& /*event*/) {}
  virtual void OnDelta(DeltaEvent event) = 0;
  virtual void OnFinished(FinishedEvent event) = 0;
  virtual void OnDone(absl::Status status) = 0;

  // Asked before each step. While false, this request's sequences are left out of the batch (and
  // only they); Engine::Resume says when to ask again.
  virtual bool HasRoom() const = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_GENERATION_H_
