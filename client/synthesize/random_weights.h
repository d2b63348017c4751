#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_RANDOM_WEIGHTS_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_RANDOM_WEIGHTS_H_

// Seeded weights with the spread of a freshly initialised model: N(0, 0.02²), norms N(1, 0.02²).
//
// A value depends on the seed, the tensor's name and the element's index alone, so tensors can be
// filled in pieces, in any order, from several threads, and sharding does not matter. Thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "loader/safetensors_writer.h"

namespace firstlight {

class RandomWeights {
 public:
  explicit RandomWeights(uint64_t seed);

  // Fills `out` with the bytes of `tensor` from `offset_bytes` (a multiple of 8) on. F16 and BF16;
  // F32 is for rotary_emb.inv_freq, whose values are what they must be for a base of 10,000.
  // UNIMPLEMENTED for other dtypes.
  absl::Status Fill(const TensorDeclaration& tensor, int64_t offset_bytes,
                    absl::Span<std::byte> out) const;

 private:
  static constexpr size_t kQuantiles = 4096;
  // Element k: the (k + ½)/4096 quantile of the distribution, as 16 stored bits.
  using QuantileTable = std::array<uint16_t, kQuantiles>;

  void FillFromTable(const QuantileTable& table, uint64_t tensor_seed, int64_t offset_bytes,
                     absl::Span<std::byte> out) const;

  const uint64_t seed_;
  QuantileTable weights_bf16_;
  QuantileTable weights_f16_;
  QuantileTable norms_bf16_;
  QuantileTable norms_f16_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_RANDOM_WEIGHTS_H_
