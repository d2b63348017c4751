#ifndef FIRSTLIGHT_SERVER_PROCESS_PROCESS_STATE_H_
#define FIRSTLIGHT_SERVER_PROCESS_PROCESS_STATE_H_

// Whether the process takes requests, and how many calls are under way: what draining needs.
// Thread-safe.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"

namespace firstlight {

class ProcessState {
 public:
  // From now on BeginCall refuses.
  void StartRefusing();

  // A call has arrived. UNAVAILABLE, and nothing is counted, while draining.
  absl::Status BeginCall();
  void EndCall();

  // Waits until no call is under way. False when `timeout` has passed first.
  bool AwaitIdle(absl::Duration timeout);

  int64_t calls() const;

 private:
  mutable Mutex mutex_;
  CondVar idle_;
  bool refusing_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_PROCESS_STATE_H_
