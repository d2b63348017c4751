#ifndef FIRSTLIGHT_SERVER_RPC_DELIVERY_THREAD_H_
#define FIRSTLIGHT_SERVER_RPC_DELIVERY_THREAD_H_

// The thread that starts writes to clients on behalf of threads that must not wait for gRPC: the
// engine's, and those that tell of changes. It serializes messages and hands them to gRPC; what
// follows on a write that is done happens on gRPC's own threads.

#include <deque>
#include <memory>
#include <thread>

#include "loader/base/mutex.h"

namespace firstlight {

// Something with messages to write. Deliver() is called on the delivery thread.
class Deliverable {
 public:
  virtual ~Deliverable() = default;
  virtual void Deliver() = 0;
};

class DeliveryThread {
 public:
  DeliveryThread();
  // Delivers what is scheduled, then joins.
  ~DeliveryThread();

  // Any thread; does not block. The queue is bounded by the callers: each schedules itself once
  // until it is delivered.
  void Schedule(std::shared_ptr<Deliverable> deliverable);

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<Deliverable>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_DELIVERY_THREAD_H_
