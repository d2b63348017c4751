#include "bench/limits.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "bench/multiply_add.h"
#include "engine/kernels/kernels.h"

namespace firstlight {
namespace {

constexpr int kRuns = 5;
constexpr int64_t kSumChunk = int64_t{4} << 20;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The sum of [begin, end) as 64-bit integers; a rest below 128 bytes is left out.
int64_t SumBytes(const std::byte* begin, const std::byte* end) {
  __m256i sums[4] = {};
  for (; begin + 128 <= end; begin += 128) {
    for (int64_t i = 0; i < 4; ++i) {
      sums[i] = _mm256_add_epi64(
          sums[i], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(begin + 32 * i)));
    }
  }
  alignas(32) int64_t lanes[4];
  _mm256_store_si256(
      reinterpret_cast<__m256i*>(lanes),
      _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3])));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

}  // namespace

double MeasureReadBandwidth(absl::Span<const std::byte> bytes, WorkerPool& workers) {
  std::atomic<int64_t> total = 0;  // so that the sums are needed
  double best = 0;
  for (int run = 0; run <= kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    workers.ParallelFor(static_cast<int64_t>(bytes.size()), kSumChunk,
                        [&](int64_t begin, int64_t end, int) {
                          total += SumBytes(bytes.data() + begin, bytes.data() + end);
                        });
    const double seconds = Seconds(std::chrono::steady_clock::now() - start);
    if (run > 0) {  // the first pass warms
      best = std::max(best, static_cast<double>(bytes.size()) / seconds);
    }
  }
  return best;
}

double MeasurePeak(WorkerPool& workers) {
  constexpr int64_t kChunks = 256;
  constexpr int64_t kIterations = 10000;
  double best = 0;
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
    if (!IsaSupported(isa)) {
      continue;
    }
    const auto multiply_add = isa == Isa::kAvx512 ? MultiplyAddAvx512 : MultiplyAddAvx2;
    for (int run = 0; run < kRuns; ++run) {
      std::atomic<int64_t> operations = 0;
      const auto start = std::chrono::steady_clock::now();
      workers.ParallelFor(kChunks, 1,
                          [&](int64_t, int64_t, int) { operations += multiply_add(kIterations); });
      const double seconds = Seconds(std::chrono::steady_clock::now() - start);
      best = std::max(best, static_cast<double>(operations.load()) / seconds);
    }
  }
  return best;
}

}  // namespace firstlight
