#include "engine/workers/worker_pool.h"

#include <immintrin.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace firstlight {
namespace {

// Longer than the serial work between two loops of a pass, short enough not to be missed by others
// who share the cores. Waking a sleeper costs about as much.
constexpr std::chrono::microseconds kSpinTime(40);
constexpr size_t kThreadNameBytes = 15;  // Linux takes no more
constexpr int kPausesBetweenClockReads = 16;

// Returns as soon as `done` does, or after kSpinTime.
template <typename Predicate>
void SpinUntil(Predicate done) {
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesBetweenClockReads; ++i) {
      if (done()) {
        return;
      }
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
}

}  // namespace

WorkerPool::WorkerPool(int threads)
    : threads_(std::max(threads, 1)), noted_(std::make_unique<Noted[]>(threads_)) {
  workers_.reserve(threads_ - 1);
  for (int worker = 1; worker < threads_; ++worker) {
    workers_.emplace_back([this, worker] { WorkerMain(worker); });
    const std::string name = "worker-" + std::to_string(worker);
    pthread_setname_np(workers_.back().native_handle(), name.substr(0, kThreadNameBytes).c_str());
  }
}

WorkerPool::~WorkerPool() {
  stopping_.store(true);
  loop_.fetch_add(2);
  loop_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void WorkerPool::Run(int64_t count, int64_t chunk, Body body, void* callable) {
  if (count <= 0) {
    return;
  }
  if (threads_ == 1 || count <= chunk) {
    for (int64_t begin = 0; begin < count; begin += chunk) {
      body(callable, begin, std::min(begin + chunk, count), 0);
    }
    return;
  }
  count_ = count;
  chunk_ = chunk;
  body_ = body;
  callable_ = callable;
  next_.store(0, std::memory_order_relaxed);
  loop_.fetch_add(1);
  loop_.notify_all();
  TakeChunks(0);
  loop_.fetch_add(1);
  SpinUntil([this] { return active_.load() == 0; });
  for (int32_t active = active_.load(); active != 0; active = active_.load()) {
    active_.wait(active);
  }
}

FaultCosts WorkerPool::fault_costs() const {
  FaultCosts costs = CountThreadFaults();
  for (int worker = 1; worker < threads_; ++worker) costs += noted_[worker].costs;
  return costs;
}

void WorkerPool::TakeChunks(int worker) {
  for (;;) {
    const int64_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (begin >= count_) {
      return;
    }
    body_(callable_, begin, std::min(begin + chunk_, count_), worker);
  }
}

void WorkerPool::WorkerMain(int worker) {
  uint32_t seen = 0;
  for (;;) {
    SpinUntil([&] { return loop_.load() != seen; });
    loop_.wait(seen);
    seen = loop_.load();
    if (stopping_.load()) {
      return;
    }
    if (seen % 2 == 0) {
      continue;
    }
    active_.fetch_add(1);
    if (loop_.load() == seen) {
      TakeChunks(worker);
      if (note_faults_) noted_[worker].costs = CountThreadFaults();
    }
    if (active_.fetch_sub(1) == 1) {
      active_.notify_one();
    }
  }
}

}  // namespace firstlight
