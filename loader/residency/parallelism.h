#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PARALLELISM_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PARALLELISM_H_

// How many threads should read from one device at once, found out while reading from it.
//
// It begins with the most threads, which is right for most devices, and halves them for as long as
// the device gives nearly as much to fewer: few readers leave more of the CPU and of the device to
// others, and one that has to seek is spared. What it then settles on it keeps.
//
// Pure: it is told what was measured. Not thread-safe.

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace firstlight {

class Parallelism {
 public:
  // A reading shorter than this tells about latency rather than throughput, and one that was mostly
  // in memory tells nothing; the caller leaves both out.
  static constexpr int64_t kMinSampleBytes = int64_t{4} << 20;
  // A level is kept when half the threads reach less than this share of the best so far.
  static constexpr double kGoodEnough = 0.9;

  // REQUIRES: max_threads >= 1.
  explicit Parallelism(int max_threads);

  // Threads that may read at once from now on.
  int limit() const { return limit_; }
  bool settled() const { return settled_; }

  // A reading of `bytes_read` from the device took `elapsed`, with `threads` reading at once when
  // it began. Taken into account where `threads` is limit().
  void Add(int threads, int64_t bytes_read, absl::Duration elapsed);

 private:
  struct Level {
    int threads = 0;
    double bytes_per_second = 0;
  };

  int limit_;
  bool settled_ = false;
  // Of the present level.
  int samples_ = 0;
  int64_t bytes_ = 0;
  absl::Duration elapsed_;
  std::vector<Level> levels_;  // those before it
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PARALLELISM_H_
