#include "loader/residency/parallelism.h"

#include <algorithm>

namespace firstlight {

Parallelism::Parallelism(int max_threads) : limit_(max_threads), settled_(max_threads == 1) {}

void Parallelism::Add(int threads, int64_t bytes_read, absl::Duration elapsed) {
  if (settled_ || threads != limit_ || elapsed <= absl::ZeroDuration()) return;
  ++samples_;
  bytes_ += bytes_read;
  elapsed_ += elapsed;
  // A reading for each thread, and four at least: one alone may have met somebody else's.
  if (samples_ < std::max(4, limit_)) return;

  levels_.push_back({limit_, static_cast<double>(bytes_) / absl::ToDoubleSeconds(elapsed_) *
                                 static_cast<double>(limit_)});
  samples_ = 0;
  bytes_ = 0;
  elapsed_ = absl::ZeroDuration();
  double best = 0;
  for (const Level& level : levels_) best = std::max(best, level.bytes_per_second);
  if (levels_.back().bytes_per_second >= kGoodEnough * best && limit_ > 1) {
    limit_ /= 2;
    return;
  }
  settled_ = true;
  for (const Level& level : levels_) {
    if (level.bytes_per_second >= kGoodEnough * best) limit_ = level.threads;
  }
}

}  // namespace firstlight
