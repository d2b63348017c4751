#ifndef FIRSTLIGHT_ENGINE_SAMPLING_RANDOM_H_
#define FIRSTLIGHT_ENGINE_SAMPLING_RANDOM_H_

// Random numbers that depend on what they are for and on nothing else: counter-based, without
// state. The draw of a token is a function of the request's seed, the sequence's index and the
// token's place, so that a seed reproduces an answer whatever else runs beside it and however often
// the sequence was preempted.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).

#include <array>
#include <cstdint>

namespace firstlight {

// One block of Philox4x32-10.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Uniform in [0, 1), a multiple of 2^-53.
double UniformDraw(uint64_t seed, uint64_t sequence_index, uint64_t token_index);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SAMPLING_RANDOM_H_
