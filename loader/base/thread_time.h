#ifndef FIRSTLIGHT_LOADER_BASE_THREAD_TIME_H_
#define FIRSTLIGHT_LOADER_BASE_THREAD_TIME_H_

// What the calling thread has used of a processor: the clock for bounds on work, which neither a
// busy machine nor a paused process uses up.

#include <cstdint>
#include <ctime>

#include "absl/time/time.h"

namespace firstlight {

// Since the thread's start. Only differences between two calls on one thread mean anything. A
// system call: up to some microseconds.
inline absl::Duration ThreadTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

// A number that changes every few milliseconds, in some 25 ns: whether it is time again to ask what
// takes longer.
inline int64_t CoarseTick() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  constexpr int64_t kNanosecondsASecond = 1'000'000'000;
  return time.tv_sec * kNanosecondsASecond + time.tv_nsec;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_BASE_THREAD_TIME_H_
