#include "engine/sampling/candidates.h"

#include <algorithm>
#include <cmath>

namespace firstlight {
namespace {

constexpr int64_t kSortedAtOnce = 64;

// Of `values` in the order of `less`: the first one up to which the weights sum to at least
// `enough`, or the last of all. Halves the range that holds it until little is left to sort, so the
// cost is linear. Reorders `values`. REQUIRES: not empty.
template <typename T, typename Less>
T FindCut(std::vector<T>* values, Less less, double enough) {
  auto begin = values->begin();
  auto end = values->end();
  double sum = 0;  // of what is before `begin`
  while (end - begin > kSortedAtOnce) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, less);
    double half = 0;
    for (auto it = begin; it != middle; ++it) {
      half += it->weight;
    }
    if (sum + half < enough) {
      sum += half;
      begin = middle;
    } else {
      end = middle;
    }
  }
  std::sort(begin, end, less);
  for (; begin + 1 != end; ++begin) {
    sum += begin->weight;
    if (sum >= enough) {
      break;
    }
  }
  return *begin;
}

struct Surprise {
  double distance = 0;  // |-log(probability) - entropy|
  double weight = 0;
};

bool ComesFirst(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

}  // namespace

double TotalWeight(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) {
    total += candidate.weight;
  }
  return total;
}

void KeepTopP(double top_p, double total_weight, std::vector<Candidate>* candidates) {
  std::vector<Candidate> selection = *candidates;
  const Candidate last = FindCut(&selection, ComesFirst, top_p * total_weight);
  std::erase_if(*candidates,
                [&last](const Candidate& candidate) { return ComesFirst(last, candidate); });
}

void KeepMinP(double min_p, std::vector<Candidate>* candidates) {
  double greatest = 0;
  for (const Candidate& candidate : *candidates) {
    greatest = std::max(greatest, candidate.weight);
  }
  const double bound = min_p * greatest;
  std::erase_if(*candidates,
                [bound](const Candidate& candidate) { return candidate.weight < bound; });
}

void KeepTypicalP(double typical_p, std::vector<Candidate>* candidates) {
  const double total = TotalWeight(*candidates);
  const double log_total = std::log(total);
  double entropy = 0;
  for (const Candidate& candidate : *candidates) {
    if (candidate.weight > 0) {
      entropy -= candidate.weight / total * (candidate.score - log_total);
    }
  }
  const auto distance_of = [log_total, entropy](const Candidate& candidate) {
    return std::abs(log_total - candidate.score - entropy);
  };
  std::vector<Surprise> surprises;
  surprises.reserve(candidates->size());
  for (const Candidate& candidate : *candidates) {
    surprises.push_back({distance_of(candidate), candidate.weight});
  }
  const Surprise farthest = FindCut(
      &surprises, [](const Surprise& a, const Surprise& b) { return a.distance < b.distance; },
      typical_p * total);
  std::erase_if(*candidates, [&](const Candidate& candidate) {
    return distance_of(candidate) > farthest.distance;
  });
}

}  // namespace firstlight
