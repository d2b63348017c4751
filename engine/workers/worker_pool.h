#ifndef FIRSTLIGHT_ENGINE_WORKERS_WORKER_POOL_H_
#define FIRSTLIGHT_ENGINE_WORKERS_WORKER_POOL_H_

// The threads that run kernels, shared by all models. Loops are short (tens of microseconds to some
// milliseconds) and follow each other closely, so workers wait for the next one by spinning for a
// bounded time before they sleep.
//
// Threads: ParallelFor is called by one thread at a time (the engine's), which takes part as
// worker 0. Construction starts the others, destruction joins them.

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "engine/workers/fault_costs.h"

namespace firstlight {

class WorkerPool {  // NOLINT(clang-analyzer-optin.performance.Padding): what threads contend for
 public:
  // `threads` workers, the caller of ParallelFor included; at least 1.
  explicit WorkerPool(int threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int threads() const { return threads_; }

  // Calls function(begin, end, worker) until [0, count) is covered by disjoint ranges of `chunk`
  // (the last may be shorter), worker in [0, threads()), and returns when all calls have. Which
  // worker gets which range is not determined. Everything written before the call is seen by the
  // workers, everything they write by the caller afterwards. No allocation; `function` is not
  // copied. It must not throw and must not call ParallelFor. REQUIRES: chunk >= 1.
  template <typename Function>
  void ParallelFor(int64_t count, int64_t chunk, Function&& function) {
    using Callable = std::remove_reference_t<Function>;
    Run(
        count, chunk,
        [](void* callable, int64_t begin, int64_t end, int worker) {
          (*static_cast<Callable*>(callable))(begin, end, worker);
        },
        const_cast<void*>(static_cast<const void*>(&function)));
  }

  // From the next loop on, whether each worker notes after a loop what its thread has paid for
  // memory that was not there. It costs a worker under a microsecond a loop.
  void NoteFaults(bool note) { note_faults_ = note; }

  // What the worker threads have paid since they began, as of the last loop that each of them noted
  // it after; the calling thread, worker 0, as of now. Differences count, not the figure itself.
  // Called by ParallelFor's caller, between loops.
  FaultCosts fault_costs() const;

 private:
  using Body = void (*)(void* callable, int64_t begin, int64_t end, int worker);

  void Run(int64_t count, int64_t chunk, Body body, void* callable);
  void WorkerMain(int worker);
  void TakeChunks(int worker);

  const int threads_;

  // The loop under way. Written by Run while no loop is open and no worker is active.
  int64_t count_ = 0;
  int64_t chunk_ = 1;
  Body body_ = nullptr;
  void* callable_ = nullptr;
  bool note_faults_ = false;

  // Odd while a loop is open, advanced on opening and on closing. A worker that comes too late for
  // a loop is not waited for: it must count itself active and then still find the loop open.
  alignas(64) std::atomic<uint32_t> loop_{0};
  alignas(64) std::atomic<int32_t> active_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  std::atomic<bool> stopping_{false};

  // Written by its worker while that is active, read by worker 0 while none is.
  struct alignas(64) Noted {
    FaultCosts costs;
  };
  const std::unique_ptr<Noted[]> noted_;  // [threads]

  std::vector<std::thread> workers_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_WORKERS_WORKER_POOL_H_
