#include "engine/sampling/logprobs.h"

#include <algorithm>
#include <cmath>

namespace firstlight {

Logprobs ComputeLogprobs(absl::Span<const float> logits, int32_t id, int64_t top_count,
                         SamplerScratch* scratch) {
  const float maximum = FindMaximum(logits).value;
  std::vector<float>& weights = scratch->weights;
  weights.resize(logits.size());
  ShiftAndScale(logits, maximum, /*inverse_temperature=*/1, weights.data());
  scratch->exp(weights.data(), static_cast<int64_t>(weights.size()), weights.data());
  const double log_sum = std::log(SumOf(weights));
  const auto logprob_of = [&](int32_t token) {
    return (double{logits[token]} - maximum) - log_sum;
  };

  Logprobs result{.chosen = logprob_of(id), .top = {}};
  const int64_t count = std::min(top_count, static_cast<int64_t>(logits.size()));
  if (count <= 0) {
    return result;
  }
  std::vector<int32_t>& ids = scratch->ids;
  FindAtLeast(logits, KthLargest(logits, count, &scratch->selection), &ids);
  // The lower id first among equals.
  std::sort(ids.begin(), ids.end(), [logits](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  ids.resize(count);
  for (const int32_t token : ids) {
    result.top.emplace_back(token, logprob_of(token));
  }
  return result;
}

}  // namespace firstlight
