#ifndef FIRSTLIGHT_SERVER_PROCESS_DRAIN_H_
#define FIRSTLIGHT_SERVER_PROCESS_DRAIN_H_

// Stopping without losing anything, in this order:
//
//   1. Health says NOT_SERVING, and /healthz 503.
//   2. Calls are still accepted for `delay`: load balancers need a moment to look.
//   3. New calls get UNAVAILABLE.
//   4. Calls under way may end, for `timeout` at most.
//   5. Generations that have not ended then end with FINISH_REASON_CANCELLED; their last messages
//      have kLastMessages to reach the client.
//   6. Watches end, the listeners close, what is left is cancelled.
//
// The order is here, what each step does is handed in, so that tests need no server.

#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "server/base/log.h"

namespace firstlight {

inline constexpr absl::Duration kLastMessages = absl::Seconds(2);

struct DrainTimes {
  absl::Duration delay;
  absl::Duration timeout;
};

struct DrainSteps {
  std::function<void()> set_not_serving;
  std::function<void()> refuse_new_calls;
  // True once no call is under way, false when the time has passed first.
  std::function<bool(absl::Duration)> await_idle;
  std::function<void()> end_streams;
  std::function<void()> end_watches;
  std::function<void(absl::Duration grace)> close_listeners;
  std::function<int64_t()> calls;
  const Log* log = nullptr;
  // Waits; tests hand in their own.
  std::function<void(absl::Duration)> pause = &DrainSteps::Sleep;

  static void Sleep(absl::Duration duration);
};

void RunDrain(const DrainTimes& times, const DrainSteps& steps);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_DRAIN_H_
