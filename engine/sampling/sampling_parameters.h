#ifndef FIRSTLIGHT_ENGINE_SAMPLING_SAMPLING_PARAMETERS_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_SAMPLING_PARAMETERS_H_

// The sampling options of one request, resolved: nothing is unset, everything is in range.

#include <cstdint>
#include <utility>
#include <vector>

namespace firstlight {

struct SamplingParameters {
  double temperature = 0;  // 0 is greedy: the steps after it do not run
  int64_t top_k = 0;       // 0 is off
  double top_p = 1;        // [0, 1]; 1 is off
  double min_p = 0;        // [0, 1]; 0 is off
  double typical_p = 1;    // (0, 1]; 1 is off
  double repetition_penalty = 1;
  double frequency_penalty = 0;
  double presence_penalty = 0;
  std::vector<std::pair<int32_t, float>> logit_bias =
      {};  // each id at most once, in the vocabulary
  // Sequences of tokens that must not come, none of them empty, all in the vocabulary.
  std::vector<std::vector<int32_t>> bad_words = {};
  // The only ids that may come, ascending, each once, in the vocabulary; empty: all may.
  std::vector<int32_t> allowed_token_ids = {};
  uint64_t seed = 0;

  bool greedy() const { return temperature == 0; }
  bool rules_out_tokens() const { return !bad_words.empty() || !allowed_token_ids.empty(); }
  bool counts_tokens() const {
    return repetition_penalty != 1 || frequency_penalty != 0 || presence_penalty != 0;
  }
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_SAMPLING_PARAMETERS_H_
