#include "engine/sampling/sampler.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/sampling/random.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::Status CheckMaximum(const SamplingParameters& parameters, const RowMaximum& maximum,
                          absl::Span<const float> logits, const SamplingContext& context) {
  if (maximum.is_valid) {
    return absl::OkStatus();
  }
  for (size_t id = 0; id < logits.size(); ++id) {
    if (std::isnan(logits[id]) || logits[id] == HUGE_VALF) {
      return absl::InternalError(absl::StrCat("logits of token ", context.token_index,
                                              ": expected finite numbers, found ", logits[id],
                                              " for id ", id));
    }
  }
  if (parameters.rules_out_tokens()) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampling.allowed_token_ids: expected a token that sampling.bad_words,",
                     " sampling.bad_word_token_ids and stopping.min_tokens leave to choose, found "
                     "none for token ",
                     context.token_index));
  }
  return absl::InternalError(absl::StrCat("logits of token ", context.token_index,
                                          ": every one of ", logits.size(), " ids is ruled out"));
}

// The processed scores: `logits` itself where no processor changes any, else scratch->scores.
absl::Span<const float> Process(const SamplingParameters& parameters,
                                absl::Span<const float> logits, const SamplingContext& context,
                                SamplerScratch* scratch) {
  if (!ProcessorsChangeLogits(parameters, context.processors)) {
    return logits;
  }
  scratch->scores.assign(logits.begin(), logits.end());
  ApplyProcessors(parameters, context.processors, absl::MakeSpan(scratch->scores));
  return scratch->scores;
}

// Candidates and their weights where top_k leaves few.
void CollectTopK(absl::Span<const float> scores, int64_t top_k, float maximum,
                 float inverse_temperature, SamplerScratch* scratch) {
  FindAtLeast(scores, KthLargest(scores, top_k, &scratch->selection), &scratch->ids);
  for (const int32_t id : scratch->ids) {
    const float score = (scores[id] - maximum) * inverse_temperature;
    const double weight = std::exp(static_cast<double>(score));
    if (weight > 0) {
      scratch->candidates.push_back({id, score, weight});
    }
  }
}

// Candidates out of the whole vocabulary. Leaves out what top_p is certain to leave out: tokens of
// at most (1 - top_p) / n of the probability each are together no more than 1 - top_p of it, and
// the least probable ones up to that sum go. Tokens under min_p go whatever top_p leaves, since the
// most probable one stays. Returns the weight of the whole vocabulary.
double CollectAll(const SamplingParameters& parameters, absl::Span<const float> scores,
                  float maximum, float inverse_temperature, SamplerScratch* scratch) {
  constexpr double kRoundingMargin = 1 - 1e-6;
  std::vector<float>& weights = scratch->weights;
  weights.resize(scores.size());
  ShiftAndScale(scores, maximum, inverse_temperature, weights.data());
  scratch->exp(weights.data(), static_cast<int64_t>(weights.size()), weights.data());
  const double total = SumOf(weights);
  const double top_p_bound = (1 - parameters.top_p) * total / static_cast<double>(scores.size());
  const double bound = std::max(top_p_bound, parameters.min_p);
  FindAtLeast(weights, static_cast<float>(bound * kRoundingMargin), &scratch->ids);
  for (const int32_t id : scratch->ids) {
    if (weights[id] > 0) {
      scratch->candidates.push_back(
          {id, (scores[id] - maximum) * inverse_temperature, double{weights[id]}});
    }
  }
  return total;
}

int32_t Draw(const std::vector<Candidate>& candidates, double uniform) {
  const double target = uniform * TotalWeight(candidates);
  double sum = 0;
  for (const Candidate& candidate : candidates) {
    sum += candidate.weight;
    if (sum > target) {
      return candidate.id;
    }
  }
  return candidates.back().id;
}

}  // namespace

absl::Status ComputeDistribution(const SamplingParameters& parameters,
                                 absl::Span<const float> logits, const SamplingContext& context,
                                 SamplerScratch* scratch) {
  const absl::Span<const float> scores = Process(parameters, logits, context, scratch);
  const RowMaximum maximum = FindMaximum(scores);
  FIRSTLIGHT_RETURN_IF_ERROR(CheckMaximum(parameters, maximum, logits, context));
  // A temperature near zero would overflow to infinity, and 0 times it is NaN: 1e-30 already leaves
  // nothing but the greatest logit.
  const auto inverse_temperature = static_cast<float>(1 / std::max(parameters.temperature, 1e-30));
  std::vector<Candidate>& candidates = scratch->candidates;
  candidates.clear();
  double total = 0;
  const int64_t count = static_cast<int64_t>(scores.size());
  if (parameters.top_k > 0 && parameters.top_k < count) {
    CollectTopK(scores, parameters.top_k, maximum.value, inverse_temperature, scratch);
    total = TotalWeight(candidates);
  } else {
    total = CollectAll(parameters, scores, maximum.value, inverse_temperature, scratch);
  }
  if (parameters.top_p < 1) {
    KeepTopP(parameters.top_p, total, &candidates);
  }
  if (parameters.min_p > 0) {
    KeepMinP(parameters.min_p, &candidates);
  }
  if (parameters.typical_p < 1) {
    KeepTypicalP(parameters.typical_p, &candidates);
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> SampleToken(const SamplingParameters& parameters,
                                    absl::Span<const float> logits, const SamplingContext& context,
                                    SamplerScratch* scratch) {
  if (parameters.greedy()) {
    const RowMaximum maximum = FindMaximum(Process(parameters, logits, context, scratch));
    FIRSTLIGHT_RETURN_IF_ERROR(CheckMaximum(parameters, maximum, logits, context));
    return maximum.id;
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ComputeDistribution(parameters, logits, context, scratch));
  return Draw(scratch->candidates,
              UniformDraw(parameters.seed, context.sequence_index, context.token_index));
}

}  // namespace firstlight
