#include "tests/engine/sampling/sampler_golden.h"

#include <fstream>
#include <sstream>
#include <utility>

namespace firstlight {
namespace {

template <typename T>
std::vector<T> ReadAll(std::istringstream& line) {
  std::vector<T> values;
  for (T value; line >> value;) {
    values.push_back(value);
  }
  return values;
}

bool ReadField(const std::string& key, std::istringstream& line, SamplerGolden* golden) {
  SamplingParameters& parameters = golden->parameters;
  const std::pair<const char*, double*> numbers[] = {
      {"temperature", &parameters.temperature},
      {"top_p", &parameters.top_p},
      {"min_p", &parameters.min_p},
      {"typical_p", &parameters.typical_p},
      {"repetition_penalty", &parameters.repetition_penalty},
      {"frequency_penalty", &parameters.frequency_penalty},
      {"presence_penalty", &parameters.presence_penalty},
  };
  for (const auto& [name, target] : numbers) {
    if (key == name) {
      return static_cast<bool>(line >> *target);
    }
  }
  if (key == "top_k") {
    return static_cast<bool>(line >> parameters.top_k);
  }
  if (key == "bias") {
    auto& [id, bias] = parameters.logit_bias.emplace_back();
    return static_cast<bool>(line >> id >> bias);
  }
  if (key == "bad_word") {
    parameters.bad_words.push_back(ReadAll<int32_t>(line));
  } else if (key == "allowed") {
    parameters.allowed_token_ids = ReadAll<int32_t>(line);
  } else if (key == "suppressed") {
    golden->suppressed = ReadAll<int32_t>(line);
  } else if (key == "prompt") {
    golden->prompt = ReadAll<int32_t>(line);
  } else if (key == "generated") {
    golden->generated = ReadAll<int32_t>(line);
  } else if (key == "logits") {
    golden->logits = ReadAll<float>(line);
  } else if (key == "probabilities") {
    golden->probabilities = ReadAll<double>(line);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<SamplerGolden> ReadSamplerGoldens() {
  std::ifstream file(FIRSTLIGHT_SOURCE_DIR "/tests/engine/sampling/sampler_goldens.txt");
  std::vector<SamplerGolden> goldens;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string key;
    line >> key;
    if (key == "#") {
      continue;
    }
    if (key == "case") {
      line >> goldens.emplace_back().name;
      goldens.back().parameters.temperature = 1;
    } else if (goldens.empty() || !ReadField(key, line, &goldens.back())) {
      return {};
    }
  }
  return goldens;
}

}  // namespace firstlight
