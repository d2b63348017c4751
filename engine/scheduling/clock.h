#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_CLOCK_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_CLOCK_H_

// What time it is: the system's, or what a test says. Any thread may ask.

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace firstlight {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_CLOCK_H_
