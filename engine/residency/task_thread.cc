#include "engine/residency/task_thread.h"

#include <pthread.h>

#include <utility>

namespace firstlight {

void TaskThread::Stop() {
  std::thread thread;
  std::deque<absl::AnyInvocable<void()>> dropped;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    thread.swap(thread_);
    dropped.swap(tasks_);
  }
  changed_.Signal();
  if (thread.joinable()) thread.join();
}

void TaskThread::Add(absl::AnyInvocable<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  }
  changed_.Signal();
}

void TaskThread::Run() {
  pthread_setname_np(pthread_self(), "residency");
  while (true) {
    absl::AnyInvocable<void()> task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace firstlight
