#ifndef FIRSTLIGHT_TESTS_ENGINE_SAMPLING_SAMPLER_GOLDEN_H_
#define FIRSTLIGHT_TESTS_ENGINE_SAMPLING_SAMPLER_GOLDEN_H_

// sampler_goldens.txt, read: what tests/engine/make_sampler_goldens.py wrote.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/sampling/sampling_parameters.h"

namespace firstlight {

struct SamplerGolden {
  std::string name;
  SamplingParameters parameters;
  std::vector<int32_t> suppressed;
  std::vector<int32_t> prompt;
  std::vector<int32_t> generated;
  std::vector<float> logits;
  std::vector<double> probabilities;
};

// Empty when the file is missing or malformed.
std::vector<SamplerGolden> ReadSamplerGoldens();

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_SAMPLING_SAMPLER_GOLDEN_H_
