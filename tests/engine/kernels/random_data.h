#ifndef FIRSTLIGHT_TESTS_ENGINE_KERNELS_RANDOM_DATA_H_
#define FIRSTLIGHT_TESTS_ENGINE_KERNELS_RANDOM_DATA_H_

// Seeded inputs for the kernel tests: rows of activations, and weights of every type at any
// address.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "engine/kernels/kernels.h"

namespace firstlight {

// Floats on a cache line, as packed activations and scratch must be.
class AlignedFloats {
 public:
  explicit AlignedFloats(int64_t count);
  float* data() { return data_; }

 private:
  std::unique_ptr<float[]> storage_;
  float* data_;
};

std::vector<float> RandomFloats(std::mt19937& random, int64_t count, float spread = 1.0F);

// A stored weight: rounded to its type, `misalignment` bytes off, its rows `gap` elements apart.
// Gaps are filled with NaN, which would show in any sum that reads them.
class StoredWeight {
 public:
  StoredWeight(std::mt19937& random, WeightType type, int64_t rows, int64_t columns,
               int64_t gap = 0, int64_t misalignment = 0);
  const WeightRows& rows() const { return rows_; }
  // The value that is stored, widened.
  float at(int64_t row, int64_t column) const { return widened_[row * rows_.columns + column]; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<float> widened_;
  WeightRows rows_;
};

// The tables that this machine runs, the reference left out.
std::vector<const Kernels*> VectorKernels();
const Kernels& ReferenceKernels();

// Whether the bits agree; any NaN equals any other.
bool SameBits(float a, float b);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_KERNELS_RANDOM_DATA_H_
