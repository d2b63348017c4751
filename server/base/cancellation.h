#ifndef FIRSTLIGHT_SERVER_BASE_CANCELLATION_H_
#define FIRSTLIGHT_SERVER_BASE_CANCELLATION_H_

// A word from whoever wants some long work to stop to whoever does it, and why. Thread-safe; never
// blocks.

#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "loader/base/mutex.h"

namespace firstlight {

class Cancellation {
 public:
  // The first status counts. REQUIRES: not OK.
  void Cancel(absl::Status status) {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return;
    status_ = std::move(status);
    cancelled_.store(true, std::memory_order_release);
  }

  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // OK until it is cancelled.
  absl::Status status() const {
    if (!cancelled()) return absl::OkStatus();
    MutexLock lock(&mutex_);
    return status_;
  }

 private:
  std::atomic<bool> cancelled_ = false;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_BASE_CANCELLATION_H_
