#ifndef FIRSTLIGHT_ENGINE_SAMPLING_CANDIDATES_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_CANDIDATES_H_

// The steps of sampling that leave tokens out, on the tokens still in. Formulas are those of
// transformers' warpers (generation/logits_process.py), each after temperature, in the order top_k,
// top_p, min_p, typical_p; every step sees the distribution of what the steps before it left in,
// renormalized, and keeps at least one token. None sorts all that it sees, and none changes the
// order of what it keeps (ascending ids), so that a draw finds the same order whatever came before.
//
// Where transformers leaves the order of equal values to torch.sort, the lower id goes first.

#include <cstdint>
#include <vector>

namespace firstlight {

struct Candidate {
  int32_t id = 0;
  float score = 0;    // (logit - greatest logit) / temperature, <= 0
  double weight = 0;  // exp(score): proportional to its probability
};

double TotalWeight(const std::vector<Candidate>& candidates);

// Most probable tokens first until their probabilities reach top_p (Holtzman et al., 2020;
// TopPLogitsWarper). A candidate stays when those more probable sum to less than
// top_p * total_weight, which may include tokens already known to go. REQUIRES: not empty.
void KeepTopP(double top_p, double total_weight, std::vector<Candidate>* candidates);

// Those at least min_p times as probable as the most probable (MinPLogitsWarper).
void KeepMinP(double min_p, std::vector<Candidate>* candidates);

// Those whose surprise is nearest to the distribution's entropy, until their probabilities reach
// typical_p (Meister et al., 2022; TypicalLogitsWarper). REQUIRES: not empty.
void KeepTypicalP(double typical_p, std::vector<Candidate>* candidates);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_CANDIDATES_H_
