#include "client/synthesize/random_weights.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr double kDeviation = 0.02;
constexpr size_t kElementsPerWord = 4;

// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014): a bijection that makes a counter look random.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

// FNV-1a: the same on every machine, unlike absl::Hash.
uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return hash;
}

// The standard normal's quantile at `probability`, by bisection of its distribution function.
double NormalQuantile(double probability) {
  double low = -6;
  double high = 6;
  for (int step = 0; step < 48; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

uint16_t ToBf16(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >>
                               16);  // nearest, ties to even
}

uint16_t ToF16(double value) {
  return static_cast<uint16_t>(
      _cvtss_sh(static_cast<float>(value), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// inv_freq[i] = 10000^(-2i/d), as in the rotary embedding of the first Llama.
void FillInverseFrequencies(int64_t frequencies, int64_t offset_bytes, absl::Span<std::byte> out) {
  std::vector<float> values(static_cast<size_t>(frequencies));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(
        std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(frequencies)));
  }
  std::memcpy(out.data(), reinterpret_cast<const std::byte*>(values.data()) + offset_bytes,
              out.size());
}

}  // namespace

RandomWeights::RandomWeights(uint64_t seed) : seed_(seed) {
  for (size_t k = 0; k < kQuantiles; ++k) {
    const double value =
        kDeviation * NormalQuantile((static_cast<double>(k) + 0.5) / double{kQuantiles});
    weights_bf16_[k] = ToBf16(value);
    weights_f16_[k] = ToF16(value);
    norms_bf16_[k] = ToBf16(1 + value);
    norms_f16_[k] = ToF16(1 + value);
  }
}

absl::Status RandomWeights::Fill(const TensorDeclaration& tensor, int64_t offset_bytes,
                                 absl::Span<std::byte> out) const {
  const std::string_view name = tensor.name;
  if (tensor.dtype == DType::kF32 && name.ends_with("inv_freq") && tensor.shape.size() == 1) {
    FillInverseFrequencies(tensor.shape[0], offset_bytes, out);
    return absl::OkStatus();
  }
  if (tensor.dtype != DType::kF16 && tensor.dtype != DType::kBF16) {
    return absl::UnimplementedError(
        StrCat("tensor ", Quoted(name), ": no random values of ", DTypeName(tensor.dtype)));
  }
  const bool is_norm = name.ends_with("norm.weight");
  const bool is_half = tensor.dtype == DType::kF16;
  const QuantileTable& table =
      is_norm ? (is_half ? norms_f16_ : norms_bf16_) : (is_half ? weights_f16_ : weights_bf16_);
  FillFromTable(table, Mix(seed_ ^ Mix(HashName(name))), offset_bytes, out);
  return absl::OkStatus();
}

void RandomWeights::FillFromTable(const QuantileTable& table, uint64_t tensor_seed,
                                  int64_t offset_bytes, absl::Span<std::byte> out) const {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 / φ, SplitMix64's increment
  constexpr uint64_t kMask = kQuantiles - 1;
  constexpr size_t kWordBytes = kElementsPerWord * sizeof(uint16_t);
  uint64_t counter = static_cast<uint64_t>(offset_bytes) / kWordBytes;
  for (size_t done = 0; done < out.size(); done += kWordBytes) {
    const uint64_t random = Mix(tensor_seed + ++counter * kGolden);
    const uint64_t word = static_cast<uint64_t>(table[random & kMask]) |
                          static_cast<uint64_t>(table[(random >> 16) & kMask]) << 16 |
                          static_cast<uint64_t>(table[(random >> 32) & kMask]) << 32 |
                          static_cast<uint64_t>(table[(random >> 48) & kMask]) << 48;
    std::memcpy(out.data() + done, &word, std::min(kWordBytes, out.size() - done));
  }
}

}  // namespace firstlight
