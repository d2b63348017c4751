#include "engine/mixture/router.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace firstlight {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

// The first of the greatest values that are not taken; one of those whatever they are.
size_t Greatest(absl::Span<const float> values, const std::vector<bool>& taken) {
  size_t greatest = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    if (taken[i]) continue;
    if (greatest == values.size() || values[i] > values[greatest]) greatest = i;
  }
  return greatest;
}

float SumOfTwoGreatest(absl::Span<const float> values) {
  float first = kLowest;
  float second = kLowest;
  for (const float value : values) {
    if (value > first) {
      second = std::exchange(first, value);
    } else if (value > second) {
      second = value;
    }
  }
  return first + second;
}

// Experts in increasing order, each with its weight. They are few.
void SortByExpert(absl::Span<int32_t> experts, absl::Span<float> weights) {
  for (size_t i = 1; i < experts.size(); ++i) {
    for (size_t j = i; j > 0 && experts[j] < experts[j - 1]; --j) {
      std::swap(experts[j], experts[j - 1]);
      std::swap(weights[j], weights[j - 1]);
    }
  }
}

}  // namespace

Router::Router(const MixtureSpec* spec, const Kernels* kernels, absl::Span<const float> correction,
               absl::Span<const float> scale)
    : spec_(*spec),
      kernels_(*kernels),
      correction_(correction),
      scale_(scale),
      scores_(static_cast<size_t>(spec->num_experts)),
      choice_(scores_.size()),
      taken_(scores_.size()),
      group_scores_(static_cast<size_t>(spec->routing.groups)),
      group_taken_(group_scores_.size()) {}

void Router::Route(absl::Span<const float> logits, absl::Span<int32_t> experts,
                   absl::Span<float> weights) {
  std::fill(taken_.begin(), taken_.end(), false);
  if (spec_.routing.score == RouterScore::kSparseMixer) {
    MixSparsely(logits, experts, weights);
  } else {
    Score(logits);
    std::copy(scores_.begin(), scores_.end(), choice_.begin());
    for (size_t i = 0; i < correction_.size(); ++i) choice_[i] += correction_[i];
    if (spec_.routing.groups_per_token < spec_.routing.groups) DropGroups();
    ChooseByScore(experts, weights);
  }
  const auto factor = static_cast<float>(spec_.routing.scaling_factor);
  for (float& weight : weights) weight *= factor;
  if (!scale_.empty()) {
    for (size_t i = 0; i < weights.size(); ++i)
      weights[i] *= scale_[static_cast<size_t>(experts[i])];
  }
  SortByExpert(experts, weights);
}

void Router::Softmax(absl::Span<float> values) const {
  const float greatest = *std::max_element(values.begin(), values.end());
  for (float& value : values) value -= greatest;
  kernels_.exp(values.data(), static_cast<int64_t>(values.size()), values.data());
  float sum = 0.0F;
  for (const float value : values) sum += value;
  for (float& value : values) value /= sum;
}

void Router::Score(absl::Span<const float> logits) {
  std::copy(logits.begin(), logits.end(), scores_.begin());
  if (spec_.routing.score == RouterScore::kSoftmax) Softmax(absl::MakeSpan(scores_));
  if (spec_.routing.score == RouterScore::kSigmoid) {
    for (float& score : scores_) score = -score;
    kernels_.exp(scores_.data(), spec_.num_experts, scores_.data());
    for (float& score : scores_) score = 1.0F / (1.0F + score);
  }
}

// Leaves only the experts of the best groups to choose from.
void Router::DropGroups() {
  const size_t size = choice_.size() / group_scores_.size();
  for (size_t group = 0; group < group_scores_.size(); ++group) {
    const absl::Span<const float> members =
        absl::MakeConstSpan(choice_).subspan(group * size, size);
    group_scores_[group] = spec_.routing.group_score == GroupScore::kGreatest
                               ? *std::max_element(members.begin(), members.end())
                               : SumOfTwoGreatest(members);
  }
  std::fill(group_taken_.begin(), group_taken_.end(), false);
  for (int64_t i = 0; i < spec_.routing.groups_per_token; ++i) {
    group_taken_[Greatest(group_scores_, group_taken_)] = true;
  }
  for (size_t expert = 0; expert < choice_.size(); ++expert) {
    if (!group_taken_[expert / size]) taken_[expert] = true;
  }
}

void Router::ChooseByScore(absl::Span<int32_t> experts, absl::Span<float> weights) {
  for (size_t i = 0; i < experts.size(); ++i) {
    const size_t expert = Greatest(choice_, taken_);
    taken_[expert] = true;
    experts[i] = static_cast<int32_t>(expert);
    weights[i] = scores_[expert];
  }
  if (spec_.routing.score == RouterScore::kSoftmaxOfChosen) Softmax(weights);
  if (!spec_.routing.normalize) return;
  float sum = 0.0F;
  for (const float weight : weights) sum += weight;
  // Sigmoids may all be zero; transformers guards against that by as much.
  if (spec_.routing.score == RouterScore::kSigmoid) {
    sum += static_cast<float>(spec_.routing.added_to_sum);
  }
  sum = std::max(sum, static_cast<float>(spec_.routing.smallest_sum));
  for (float& weight : weights) weight /= sum;
}

// Twice: the greatest logit, and its softmax over those that are within the tolerance of it.
void Router::MixSparsely(absl::Span<const float> logits, absl::Span<int32_t> experts,
                         absl::Span<float> weights) {
  const auto tolerance = static_cast<float>(2.0 * spec_.routing.tolerance);
  for (size_t i = 0; i < experts.size(); ++i) {
    const size_t expert = Greatest(logits, taken_);
    const float greatest = logits[expert];
    for (size_t e = 0; e < logits.size(); ++e) {
      const float scale = std::max(std::fabs(logits[e]), greatest);
      const bool far = (greatest - logits[e]) / scale > tolerance;
      scores_[e] = far || taken_[e] ? kLowest : logits[e];
    }
    Softmax(absl::MakeSpan(scores_));
    taken_[expert] = true;
    experts[i] = static_cast<int32_t>(expert);
    weights[i] = scores_[expert];
  }
}

}  // namespace firstlight
