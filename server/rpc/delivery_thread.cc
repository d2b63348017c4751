#include "server/rpc/delivery_thread.h"

#include <utility>

namespace firstlight {

DeliveryThread::DeliveryThread() : thread_([this] { Run(); }) {}

DeliveryThread::~DeliveryThread() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.Signal();
  thread_.join();
}

void DeliveryThread::Schedule(std::shared_ptr<Deliverable> deliverable) {
  {
    MutexLock lock(&mutex_);
    queue_.push_back(std::move(deliverable));
  }
  changed_.Signal();
}

void DeliveryThread::Run() {
  std::deque<std::shared_ptr<Deliverable>> batch;
  while (true) {
    {
      MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (const std::shared_ptr<Deliverable>& deliverable : batch) deliverable->Deliver();
    batch.clear();
  }
}

}  // namespace firstlight
