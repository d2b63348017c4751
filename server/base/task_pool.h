#ifndef FIRSTLIGHT_SERVER_BASE_TASK_POOL_H_
#define FIRSTLIGHT_SERVER_BASE_TASK_POOL_H_

// A few threads for work that blocks or computes and so must stay off gRPC's threads: tokenizing,
// loading. Tasks start in the order they came.

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "loader/base/mutex.h"

namespace firstlight {

class TaskPool {
 public:
  // At most `max_waiting` tasks wait besides those that run.
  TaskPool(int threads, size_t max_waiting);
  // Runs what waits, then joins.
  ~TaskPool();

  // Any thread; does not block. False, and the task is dropped, when too many wait.
  [[nodiscard]] bool Submit(std::function<void()> task);

 private:
  void Run();

  const size_t max_waiting_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_BASE_TASK_POOL_H_
