#include "engine/scheduling/scheduling_policy.h"

#include <algorithm>

namespace firstlight {
namespace {

template <typename Eligible>
std::optional<int64_t> Youngest(absl::Span<const BlockHolder> holders, Eligible eligible) {
  std::optional<int64_t> youngest;
  for (size_t i = 0; i < holders.size(); ++i) {
    if (eligible(holders[i]) &&
        (!youngest.has_value() || holders[i].age > holders[*youngest].age)) {
      youngest = static_cast<int64_t>(i);
    }
  }
  return youngest;
}

}  // namespace

int64_t PromptShare(int64_t step_tokens) { return std::max<int64_t>(step_tokens / 8, 1); }

int64_t PromptLogitsRows(int64_t step_tokens) { return PromptShare(step_tokens); }

int64_t MaxRows(int64_t step_tokens, int64_t max_sequences) {
  // All but one decode, and that one has a prompt.
  return std::max(step_tokens, max_sequences - 1 + PromptShare(step_tokens));
}

std::vector<int64_t> PlanRows(absl::Span<const RunnableSequence> sequences, int64_t step_tokens) {
  std::vector<int64_t> rows(sequences.size(), 0);
  int64_t left = step_tokens;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].decoding) {
      rows[i] = 1;
      --left;
    }
  }
  left = std::max(left, PromptShare(step_tokens));
  int64_t logits_left = PromptLogitsRows(step_tokens);
  for (size_t i = 0; i < sequences.size() && left > 0; ++i) {
    if (!sequences[i].decoding) {
      rows[i] = std::min(left, sequences[i].remaining);
      if (sequences[i].wants_all_logits) {
        rows[i] = std::min(rows[i], logits_left);
        logits_left -= rows[i];
      }
      left -= rows[i];
    }
  }
  return rows;
}

std::optional<int64_t> ChooseVictim(absl::Span<const BlockHolder> holders, SequenceAge needy) {
  if (const std::optional<int64_t> idle = ChooseIdleVictim(holders, needy); idle.has_value()) {
    return idle;
  }
  const std::optional<int64_t> youngest =
      Youngest(holders, [](const BlockHolder& holder) { return holder.in_batch; });
  if (!youngest.has_value() || !holders[*youngest].in_pass) {
    return youngest;
  }
  // The youngest is busy. Another one that is younger than `needy` may give way in its place.
  return Youngest(holders, [needy](const BlockHolder& holder) {
    return holder.in_batch && !holder.in_pass && holder.age > needy;
  });
}

std::optional<int64_t> ChooseIdleVictim(absl::Span<const BlockHolder> holders,
                                        SequenceAge joining) {
  return Youngest(holders, [joining](const BlockHolder& holder) {
    return !holder.in_batch && !holder.in_pass && holder.age != joining;
  });
}

}  // namespace firstlight
