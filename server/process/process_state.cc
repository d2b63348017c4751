#include "server/process/process_state.h"

#include "absl/time/clock.h"
#include "server/base/status.h"

namespace firstlight {

void ProcessState::StartRefusing() {
  MutexLock lock(&mutex_);
  refusing_ = true;
}

absl::Status ProcessState::BeginCall() {
  MutexLock lock(&mutex_);
  if (refusing_) {
    return WithErrorInfo(absl::UnavailableError("the server is shutting down"), "DRAINING");
  }
  ++calls_;
  return absl::OkStatus();
}

void ProcessState::EndCall() {
  MutexLock lock(&mutex_);
  if (--calls_ == 0) idle_.SignalAll();
}

bool ProcessState::AwaitIdle(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (calls_ > 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    idle_.WaitWithTimeout(&mutex_, left);
  }
  return true;
}

int64_t ProcessState::calls() const {
  MutexLock lock(&mutex_);
  return calls_;
}

}  // namespace firstlight
