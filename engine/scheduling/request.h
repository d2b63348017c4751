#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_REQUEST_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_REQUEST_H_

// One request on its way through the scheduler, and its sequences. Belongs to the engine's thread;
// only the observer is called from there to the outside.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/decoder/rope.h"
#include "engine/generation.h"
#include "engine/generation_options.h"
#include "engine/model.h"
#include "engine/scheduling/sequence.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/workers/fault_costs.h"

namespace firstlight {

using RequestId = uint64_t;

// A prompt as token ids, with the tokenizer to turn the answer into text.
struct TokenizedPrompt {
  std::vector<int32_t> ids;
  std::string text;                                  // where the request echoes it
  std::vector<std::vector<int32_t>> bad_words = {};  // what its sampling.bad_words are as tokens
  const Tokenizer* tokenizer = nullptr;              // nullptr: the model has none
};

struct Request {
  RequestId id = 0;  // ascending with arrival
  std::shared_ptr<Model> model;
  GenerationRequest options;  // its input is empty: it went to the tokenizer
  std::shared_ptr<GenerationObserver> observer;
  absl::Time arrival;
  uint64_t drawn_seed = 0;

  // Set when the prompt has been tokenized and the options resolved.
  TokenizedPrompt prompt;
  ResolvedOptions resolved;
  RopeFrequencies rope;

  bool started = false;      // OnStarted was called
  bool has_room = true;      // the observer's last answer
  bool ask_for_room = true;  // false from "no room" until Resume
  // Of the prompt, which the sequences share.
  std::optional<absl::Time> first_step;
  std::optional<absl::Time> prefill_end;

  // What its model had cost, and what of it was in memory, when the request left the queue.
  bool dequeued = false;
  FaultCosts costs_before;
  std::optional<WeightShares> shares_before;  // unset while that is being looked at
  // Set with prefill_end.
  std::optional<RequestResidency> residency;

  // Tokens of the prompt whose logprobs the observer has, for OutputOptions::prompt_logprobs.
  int64_t described_prompt = 0;

  std::vector<std::unique_ptr<Sequence>> sequences;  // empty until tokenized
  bool ended = false;                                // OnDone was called

  absl::Time time_limit_end() const {
    return options.stopping.time_limit.has_value() ? arrival + *options.stopping.time_limit
                                                   : absl::InfiniteFuture();
  }
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_REQUEST_H_
