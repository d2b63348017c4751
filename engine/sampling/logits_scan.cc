#include "engine/sampling/logits_scan.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace firstlight {
namespace {

constexpr int64_t kLanes = 8;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int64_t WholeVectors(absl::Span<const float> row) {
  return static_cast<int64_t>(row.size()) / kLanes * kLanes;
}

// Calls visit(index) for each row[index] >= threshold, ascending; visit returns the threshold to go
// on with.
template <typename Visit>
void ForEachAtLeast(absl::Span<const float> row, float threshold, Visit&& visit) {
  const int64_t count = static_cast<int64_t>(row.size());
  const int64_t whole = WholeVectors(row);
  __m256 bound = _mm256_set1_ps(threshold);
  for (int64_t i = 0; i < whole; i += kLanes) {
    const __m256 values = _mm256_loadu_ps(row.data() + i);
    uint32_t mask =
        static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(values, bound, _CMP_GE_OQ)));
    if (mask == 0) {
      continue;
    }
    for (; mask != 0; mask &= mask - 1) {
      threshold = visit(i + std::countr_zero(mask));
    }
    bound = _mm256_set1_ps(threshold);
  }
  for (int64_t i = whole; i < count; ++i) {
    if (row[i] >= threshold) {
      threshold = visit(i);
    }
  }
}

}  // namespace

RowMaximum FindMaximum(absl::Span<const float> row) {
  const int64_t count = static_cast<int64_t>(row.size());
  const int64_t whole = WholeVectors(row);
  __m256 lanes = _mm256_set1_ps(-kInfinity);
  __m256 unordered = _mm256_setzero_ps();
  for (int64_t i = 0; i < whole; i += kLanes) {
    const __m256 values = _mm256_loadu_ps(row.data() + i);
    lanes = _mm256_max_ps(values, lanes);
    unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(values, values, _CMP_UNORD_Q));
  }
  bool has_nan = _mm256_movemask_ps(unordered) != 0;
  std::array<float, kLanes> maxima;
  _mm256_storeu_ps(maxima.data(), lanes);
  float value = *std::max_element(maxima.begin(), maxima.end());
  for (int64_t i = whole; i < count; ++i) {
    has_nan = has_nan || std::isnan(row[i]);
    value = std::max(value, row[i]);
  }
  RowMaximum maximum{.value = value, .id = 0, .is_valid = !has_nan && std::isfinite(value)};
  if (maximum.is_valid) {
    maximum.id = static_cast<int32_t>(std::find(row.begin(), row.end(), value) - row.begin());
  }
  return maximum;
}

float KthLargest(absl::Span<const float> row, int64_t k, std::vector<float>* scratch) {
  // Keeps the values that may still be among the k largest. Whenever there are four times as many
  // as needed, all but the k largest go and the k-th becomes the bound for the rest of the row:
  // with values in no particular order, few later ones pass it.
  const int64_t capacity = std::max<int64_t>(4 * k, 256);
  std::vector<float>& kept = *scratch;
  kept.clear();
  float bound = -kInfinity;
  const auto shrink = [&kept, &bound, k] {
    std::nth_element(kept.begin(), kept.begin() + (k - 1), kept.end(), std::greater<>());
    kept.resize(k);
    bound = kept[k - 1];
  };
  ForEachAtLeast(row, bound, [&](int64_t index) {
    kept.push_back(row[index]);
    if (static_cast<int64_t>(kept.size()) == capacity) {
      shrink();
    }
    return bound;
  });
  shrink();
  return bound;
}

void FindAtLeast(absl::Span<const float> row, float threshold, std::vector<int32_t>* ids) {
  ids->clear();
  ForEachAtLeast(row, threshold, [ids, threshold](int64_t index) {
    ids->push_back(static_cast<int32_t>(index));
    return threshold;
  });
}

double SumOf(absl::Span<const float> row) {
  constexpr int64_t kDoubles = 4;
  const int64_t count = static_cast<int64_t>(row.size());
  const int64_t whole = count / kDoubles * kDoubles;
  __m256d lanes = _mm256_setzero_pd();
  for (int64_t i = 0; i < whole; i += kDoubles) {
    lanes = _mm256_add_pd(lanes, _mm256_cvtps_pd(_mm_loadu_ps(row.data() + i)));
  }
  std::array<double, kDoubles> sums;
  _mm256_storeu_pd(sums.data(), lanes);
  double total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (int64_t i = whole; i < count; ++i) {
    total += row[i];
  }
  return total;
}

void ShiftAndScale(absl::Span<const float> row, float maximum, float inverse_temperature,
                   float* output) {
  const int64_t count = static_cast<int64_t>(row.size());
  const int64_t whole = WholeVectors(row);
  const __m256 shift = _mm256_set1_ps(maximum);
  const __m256 scale = _mm256_set1_ps(inverse_temperature);
  for (int64_t i = 0; i < whole; i += kLanes) {
    const __m256 values = _mm256_loadu_ps(row.data() + i);
    _mm256_storeu_ps(output + i, _mm256_mul_ps(_mm256_sub_ps(values, shift), scale));
  }
  for (int64_t i = whole; i < count; ++i) {
    output[i] = (row[i] - maximum) * inverse_temperature;
  }
}

}  // namespace firstlight
