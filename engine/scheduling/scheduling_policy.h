#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULING_POLICY_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULING_POLICY_H_

// What the next step runs, who gives way and whose turn it is: pure functions of a snapshot, so
// that they are tested without threads, models or caches. docs/scheduling.md says why.

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace firstlight {

// Order of arrival: smaller is older. Kept over preemption, so that a sequence that gave way is
// still ahead of those that came after it.
struct SequenceAge {
  uint64_t request = 0;
  int64_t index = 0;

  friend auto operator<=>(const SequenceAge&, const SequenceAge&) = default;
};

// A sequence that takes part in its model's next step.
struct RunnableSequence {
  int64_t remaining =
      0;  // tokens not yet computed, >= 1; the last one's logits give the next token
  // Every row of it has its logits computed, a vocabulary wide: the logprobs of a prompt.
  bool wants_all_logits = false;
  bool decoding = false;  // it has read its prompt (again) and computes one token a step
};

// The least that a step gives to prompts while there are any, however many sequences decode: an
// eighth of `step_tokens`, and a row at least. It bounds both waits: a prompt goes on in every
// step, and decode rows wait for little more than their own.
int64_t PromptShare(int64_t step_tokens);

// The most rows of prompts whose logits one step computes, which bounds their memory: a step's 64
// rows of a vocabulary of 128 thousand are 32 MiB.
int64_t PromptLogitsRows(int64_t step_tokens);

// Rows of the next step for each of `sequences` (oldest first): one for each that decodes, then
// prompt chunks, oldest first, until there are `step_tokens` rows, or PromptShare(step_tokens) rows
// of prompts where decode rows leave fewer. Every sequence that decodes has its row, and the oldest
// prompt has one. Those that want all logits have PromptLogitsRows(step_tokens) rows together at
// most.
std::vector<int64_t> PlanRows(absl::Span<const RunnableSequence> sequences, int64_t step_tokens);

// The most rows that PlanRows gives to at most `max_sequences`.
int64_t MaxRows(int64_t step_tokens, int64_t max_sequences);

// A sequence that holds cache blocks.
struct BlockHolder {
  SequenceAge age;
  bool in_batch = false;  // running; else it waits (for its reader, or for a place) and kept blocks
  bool in_pass = false;   // a pass under way uses its blocks: they cannot be taken
};

// Who gives its blocks back so that `needy` can go on: first those that are not in the batch,
// youngest first, then the youngest in the batch, which may be `needy` itself. An index into
// `holders`; none when whoever would have to give way is part of a pass under way, which `needy`
// must wait for.
std::optional<int64_t> ChooseVictim(absl::Span<const BlockHolder> holders, SequenceAge needy);

// Who gives its blocks back so that a waiting sequence can join: only those not in the batch and
// other than `joining`, youngest first.
std::optional<int64_t> ChooseIdleVictim(absl::Span<const BlockHolder> holders, SequenceAge joining);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_SCHEDULING_POLICY_H_
