#ifndef FIRSTLIGHT_BENCH_LIMITS_H_
#define FIRSTLIGHT_BENCH_LIMITS_H_

// What this machine can do at most, so that a measured rate can be given as a share of it. To be
// measured in the same run and on the same workers as what it is compared with.

#include <cstddef>

#include "absl/types/span.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

// Bytes a second of a plain vectorised sum over `bytes`: the best of five warm passes. Touches
// every page once before.
double MeasureReadBandwidth(absl::Span<const std::byte> bytes, WorkerPool& workers);

// Floating-point operations a second of float32 fused multiply-adds on registers alone, all workers
// together: the best of five runs with the widest vectors of the machine, a multiply-add being two.
double MeasurePeak(WorkerPool& workers);

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_LIMITS_H_
