#include "engine/decoder/alibi.h"

#include <cmath>

namespace firstlight {
namespace {

// 2^-(8 / n), its powers 1, 2, ... n where n is a power of two; else those of the power below n,
// and every other one of the power above.
std::vector<float> BloomSlopes(int64_t heads) {
  const auto power = static_cast<int64_t>(std::exp2(std::floor(std::log2(heads))));
  const auto base_of = [](int64_t n) {
    return static_cast<float>(std::exp2(-8.0 / static_cast<double>(n)));
  };
  std::vector<float> slopes;
  for (int64_t i = 1; i <= power; ++i) {
    slopes.push_back(std::pow(base_of(power), static_cast<float>(i)));
  }
  for (int64_t i = 1; static_cast<int64_t>(slopes.size()) < heads; i += 2) {
    slopes.push_back(std::pow(base_of(2 * power), static_cast<float>(i)));
  }
  return slopes;
}

// 2^-(8 i / n) for i = 1, 2, ... n, a power of two; where there are fewer heads, those of
// even i go first.
std::vector<float> MptSlopes(int64_t heads) {
  const auto power = static_cast<int64_t>(std::exp2(std::ceil(std::log2(heads))));
  const auto slope = [power](int64_t i) {
    const float exponent = static_cast<float>(i) * (8.0F / static_cast<float>(power));
    return 1.0F / std::exp2(exponent);
  };
  std::vector<float> slopes;
  for (int64_t i = 1; i <= power; ++i) slopes.push_back(slope(i));
  if (power == heads) return slopes;
  slopes.clear();
  for (int64_t i = 2; i <= power; i += 2) slopes.push_back(slope(i));
  for (int64_t i = 1; i <= power; i += 2) slopes.push_back(slope(i));
  slopes.resize(static_cast<size_t>(heads));
  return slopes;
}

}  // namespace

std::vector<float> AlibiSlopes(const AttentionSpec& attention, int64_t heads) {
  switch (attention.alibi) {
    case Alibi::kNone:
      return {};
    case Alibi::kBloom:
      return BloomSlopes(heads);
    case Alibi::kMpt:
      return MptSlopes(heads);
  }
  return {};
}

}  // namespace firstlight
