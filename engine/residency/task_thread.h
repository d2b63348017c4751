#ifndef FIRSTLIGHT_ENGINE_RESIDENCY_TASK_THREAD_H_
#define FIRSTLIGHT_ENGINE_RESIDENCY_TASK_THREAD_H_

// One thread that runs what is put to it, in order: system calls that take milliseconds, away from
// the engine's thread. It is started by the first task.
//
// Thread-safe.

#include <deque>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "loader/base/mutex.h"

namespace firstlight {

class TaskThread {
 public:
  TaskThread() = default;
  ~TaskThread() { Stop(); }
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  void Add(absl::AnyInvocable<void()> task);

  // Ends the thread after the task under way. Tasks that wait, and those that come, are dropped.
  void Stop();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RESIDENCY_TASK_THREAD_H_
