#include "engine/sampling/candidates.h"

#include <algorithm>
#include <cmath>

namespace firstlight {
namespace {

constexpr int64_t kFirstSorted = 64;
constexpr int64_t kGrowth = 4;

// Brings the elements of `values` into order from the front, in pieces that grow, and calls
// visit(element) for each until it returns false. Returns how many were visited, the last included.
template <typename T, typename Less, typename Visit>
int64_t VisitInOrder(std::vector<T>* values, Less less, Visit visit) {
  const int64_t count = static_cast<int64_t>(values->size());
  int64_t piece = kFirstSorted;
  for (int64_t begin = 0; begin < count;) {
    const int64_t end = std::min(begin + piece, count);
    if (end < count) {
      std::nth_element(values->begin() + begin, values->begin() + end, values->end(), less);
    }
    std::sort(values->begin() + begin, values->begin() + end, less);
    for (int64_t i = begin; i < end; ++i) {
      if (!visit((*values)[i])) {
        return i + 1;
      }
    }
    begin = end;
    piece *= kGrowth;
  }
  return count;
}

struct Surprise {
  double distance = 0;  // |-log(probability) - entropy|
  double weight = 0;
};

}  // namespace

double TotalWeight(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) {
    total += candidate.weight;
  }
  return total;
}

void KeepTopP(double top_p, double total_weight, std::vector<Candidate>* candidates) {
  const double enough = top_p * total_weight;
  double sum = 0;
  const int64_t kept = VisitInOrder(
      candidates,
      [](const Candidate& a, const Candidate& b) {
        return a.score != b.score ? a.score > b.score : a.id < b.id;
      },
      [&sum, enough](const Candidate& candidate) {
        sum += candidate.weight;
        return sum < enough;
      });
  candidates->resize(kept);
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
  double sum = 0;
  const double enough = typical_p * total;
  const int64_t kept = VisitInOrder(
      &surprises, [](const Surprise& a, const Surprise& b) { return a.distance < b.distance; },
      [&sum, enough](const Surprise& surprise) {
        sum += surprise.weight;
        return sum < enough;
      });
  const double farthest = surprises[kept - 1].distance;
  std::erase_if(*candidates,
                [&](const Candidate& candidate) { return distance_of(candidate) > farthest; });
}

}  // namespace firstlight
