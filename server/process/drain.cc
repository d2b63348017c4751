#include "server/process/drain.h"

#include "absl/time/clock.h"

namespace firstlight {

void DrainSteps::Sleep(absl::Duration duration) { absl::SleepFor(duration); }

void RunDrain(const DrainTimes& times, const DrainSteps& steps) {
  steps.log->Info("draining", {{"calls", steps.calls()}, {"timeout", times.timeout}});
  steps.set_not_serving();
  if (times.delay > absl::ZeroDuration()) steps.pause(times.delay);
  steps.refuse_new_calls();
  if (!steps.await_idle(times.timeout)) {
    steps.log->Warning("drain timeout", {{"calls", steps.calls()}});
    steps.end_streams();
    steps.await_idle(kLastMessages);
  }
  steps.end_watches();
  steps.close_listeners(kLastMessages);
  steps.log->Info("stopped", {});
}

}  // namespace firstlight
