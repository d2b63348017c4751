#ifndef FIRSTLIGHT_BENCH_PROMPT_H_
#define FIRSTLIGHT_BENCH_PROMPT_H_

#include <cstdint>
#include <vector>

namespace firstlight {

// `tokens` token ids in [0, vocab_size), the same ones for the same `seed`.
inline std::vector<int32_t> Prompt(int64_t tokens, int64_t seed, int64_t vocab_size) {
  std::vector<int32_t> ids;
  uint64_t state = 0x9e3779b97f4a7c15u * static_cast<uint64_t>(seed + 1);
  for (int64_t i = 0; i < tokens; ++i) {
    // Multiplier and increment of Knuth's MMIX generator.
    state = state * 6364136223846793005u + 1442695040888963407u;
    ids.push_back(static_cast<int32_t>((state >> 33) % static_cast<uint64_t>(vocab_size)));
  }
  return ids;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_PROMPT_H_
