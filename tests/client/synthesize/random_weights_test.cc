#include "client/synthesize/random_weights.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

constexpr int64_t kElements = 100'000;

std::vector<std::byte> FillAll(const RandomWeights& weights, const TensorDeclaration& tensor,
                               int64_t piece_bytes) {
  std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(tensor)));
  for (int64_t offset = 0; offset < std::ssize(bytes); offset += piece_bytes) {
    const auto size = std::min(piece_bytes, std::ssize(bytes) - offset);
    EXPECT_THAT(weights.Fill(tensor, offset,
                             absl::MakeSpan(bytes).subspan(static_cast<size_t>(offset),
                                                           static_cast<size_t>(size))),
                IsOk());
  }
  return bytes;
}

double Bf16At(const std::vector<std::byte>& bytes, size_t index) {
  uint16_t stored = 0;
  std::memcpy(&stored, bytes.data() + 2 * index, sizeof(stored));
  return std::bit_cast<float>(static_cast<uint32_t>(stored) << 16);
}

double F16At(const std::vector<std::byte>& bytes, size_t index) {
  uint16_t stored = 0;
  std::memcpy(&stored, bytes.data() + 2 * index, sizeof(stored));
  const int exponent = (stored >> 10) & 31;
  const double magnitude = exponent == 0 ? std::ldexp(stored & 1023, -24)
                                         : std::ldexp(1024 + (stored & 1023), exponent - 25);
  return (stored & 0x8000) != 0 ? -magnitude : magnitude;
}

struct Moments {
  double mean = 0;
  double deviation = 0;
};

template <typename At>
Moments MomentsOf(const std::vector<std::byte>& bytes, At at) {
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < kElements; ++i) {
    sum += at(bytes, i);
    squares += at(bytes, i) * at(bytes, i);
  }
  const double mean = sum / kElements;
  return {mean, std::sqrt(squares / kElements - mean * mean)};
}

// The mean of n draws of deviation s strays s/√n, their deviation s/√(2n); five of each are
// allowed.
TEST(RandomWeightsTest, HaveTheSpreadOfAnInitialisedModel) {
  const RandomWeights weights(7);
  const double mean_error = 5 * 0.02 / std::sqrt(kElements);
  const double deviation_error = 5 * 0.02 / std::sqrt(2.0 * kElements);
  const Moments bf16 =
      MomentsOf(FillAll(weights, {"a.weight", DType::kBF16, {kElements}}, 1 << 20), Bf16At);
  EXPECT_NEAR(bf16.mean, 0, mean_error);
  EXPECT_NEAR(bf16.deviation, 0.02, deviation_error);
  const Moments f16 =
      MomentsOf(FillAll(weights, {"a.weight", DType::kF16, {kElements}}, 1 << 20), F16At);
  EXPECT_NEAR(f16.mean, 0, mean_error);
  EXPECT_NEAR(f16.deviation, 0.02, deviation_error);
  const Moments norm =
      MomentsOf(FillAll(weights, {"a_norm.weight", DType::kBF16, {kElements}}, 1 << 20), Bf16At);
  EXPECT_NEAR(norm.mean, 1, mean_error + 0x1p-9);  // bf16 steps by 2^-7 above 1 and 2^-8 below
  EXPECT_NEAR(norm.deviation, 0.02, deviation_error + 0x1p-9);
}

TEST(RandomWeightsTest, DependOnSeedNameAndPlaceAlone) {
  const TensorDeclaration tensor = {"a.weight", DType::kBF16, {999}};
  const RandomWeights weights(7);
  const auto whole = FillAll(weights, tensor, 1 << 20);
  EXPECT_EQ(whole, FillAll(weights, tensor, 64));
  EXPECT_EQ(whole, FillAll(RandomWeights(7), tensor, 8));
  EXPECT_NE(whole, FillAll(RandomWeights(8), tensor, 1 << 20));
  EXPECT_NE(whole, FillAll(weights, {"b.weight", DType::kBF16, {999}}, 1 << 20));
}

TEST(RandomWeightsTest, InverseFrequenciesAreWhatTheyMustBe) {
  const auto bytes =
      FillAll(RandomWeights(7), {"layers.0.rotary_emb.inv_freq", DType::kF32, {64}}, 64);
  std::vector<float> values(64);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  EXPECT_EQ(values[0], 1.0F);
  EXPECT_FLOAT_EQ(values[32], 0.01F);
}

TEST(RandomWeightsTest, RefuseOtherDTypes) {
  std::vector<std::byte> out(8);
  EXPECT_THAT(RandomWeights(7).Fill({"ids", DType::kI64, {1}}, 0, absl::MakeSpan(out)),
              StatusIs(absl::StatusCode::kUnimplemented, ::testing::HasSubstr("I64")));
}

}  // namespace
}  // namespace firstlight
