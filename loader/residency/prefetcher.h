#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PREFETCHER_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PREFETCHER_H_

// Fetches the bytes of a computation in the order in which it needs them, ahead of it, on threads
// of its own: so that the computation takes the longer of disk and compute, and never waits in a
// page fault. Populating a page takes some CPU; whether the threads give way to those that compute
// is the owner's to say (GiveWay).
//
// A job is a list of stages (for a model: embedding rows, layer by layer, the head), each a set of
// byte ranges. Guarantees:
// 1. Stages are begun in order; a stage is populated when all of its bytes are.
// 2. What is begun and not consumed never exceeds the job's window, but for the first stage that is
//    not consumed, which is always fetched: a model larger than the memory does not push out what
//    it has not used yet.
// 3. A job that a request waits for comes before every background job; jobs of one priority share
//    the threads by bytes. A piece under way (16 MiB at most) is finished first.
// 4. Not being able to prefetch never keeps a job from being populated: only damage does.
// 5. A job's `keep_alive` and `on_progress` are dropped on a prefetching thread, soon after nothing
//    reads for it any more: when all is populated, or it has failed or was cancelled. What is left
//    when the Prefetcher is destroyed is dropped by its destructor. They are never dropped in
//    Start, Consumed, Cancel or Promote, nor with the last reference to the PrefetchJob: all of
//    these may be called on the engine's thread.
// 6. No call but the destructor waits for I/O or for a thread. The destructor joins the threads: it
//    takes as long as the pieces under way.
//
// How many threads read at once is chosen for each device by what the first pieces reach
// (parallelism.h); network and FUSE file systems are read by one at a time. A device that does not
// answer keeps its own threads waiting and no others: beside it another is read as fast as ever,
// and beside several of them each other one is read by one thread at least. Threads are started
// when there is something to do for them.
//
// Bytes that are in memory and mapped already cost about 0.1 ms for 16 MiB; those that are in the
// page cache and have to be mapped, about 1 ms.
//
// Thread-safe.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "loader/base/mutex.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

enum class PrefetchPriority { kBackground, kRequested };

struct PrefetchRequest {
  // For a job that nobody consumes.
  static constexpr int64_t kNoWindow = std::numeric_limits<int64_t>::max();

  // In the order of execution. Ranges within a stage in any order, and they may overlap or touch. A
  // stage without ranges is populated from the start.
  std::vector<std::vector<ByteRange>> stages;
  PrefetchPriority priority = PrefetchPriority::kRequested;
  // Most bytes to be ahead of the consumer; see guarantee 2.
  int64_t window_bytes = kNoWindow;
  // Keeps the mappings alive.
  std::shared_ptr<const void> keep_alive;
  // Called on prefetching threads, several at once perhaps, when stages have become populated and
  // when the job has failed. Must not block; may call the Prefetcher. A call may still come just
  // after Cancel has returned, none after the Prefetcher's destructor has.
  std::function<void()> on_progress;
};

class PrefetchQueue;

// A job as its owner sees it. Any thread may ask; nothing here takes a lock for longer than a copy.
class PrefetchJob {
 public:
  int64_t num_stages() const { return static_cast<int64_t>(populated_.size()); }
  // One atomic load. True stays true, even when the system takes the pages away again.
  bool IsPopulated(int64_t stage) const {
    return populated_[static_cast<size_t>(stage)].load(std::memory_order_acquire);
  }
  // Whether every stage is.
  bool AllPopulated() const { return stages_left_.load(std::memory_order_acquire) == 0; }
  // OK until a byte is found damaged (DATA_LOSS); CANCELLED after Cancel. From then on nothing more
  // is begun, and a stage that is not populated never will be.
  absl::Status status() const;
  // So far, over all threads. Complete when AllPopulated() or failed.
  ReadCost cost() const;

 private:
  friend class Prefetcher;  // populates where there are no threads
  friend class PrefetchQueue;
  explicit PrefetchJob(size_t num_stages);
  bool SetPopulated(int64_t stage);  // whether it was not before
  void Fail(const absl::Status& status);
  void AddCost(const ReadCost& cost);

  std::vector<std::atomic<bool>> populated_;  // [stages]
  std::atomic<int64_t> stages_left_;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  ReadCost cost_ ABSL_GUARDED_BY(mutex_);
};

class Prefetcher {
 public:
  struct Options {
    // What one thread fetches at a time: long enough for a device to reach its speed, short enough
    // for a more urgent job to wait for.
    int64_t piece_bytes = int64_t{16} << 20;
    // Most that read from one device at once.
    int threads_per_device = 8;
  };

  // `reader` outlives the prefetcher.
  Prefetcher(PageReader* reader, const Options& options);
  explicit Prefetcher(PageReader* reader) : Prefetcher(reader, Options()) {}
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // The job goes on until it has ended, whoever holds the PrefetchJob: cancel what is not wanted.
  std::shared_ptr<PrefetchJob> Start(PrefetchRequest request);
  // The computation is done with `stage` and those before it: the window moves on.
  void Consumed(PrefetchJob* job, int64_t stage);
  // Begins nothing more for `job`.
  void Cancel(PrefetchJob* job);
  // A request waits for this job from now on.
  void Promote(PrefetchJob* job);

  // Whether threads give way to those that compute (at first they do not): see low_priority.h.
  // While they do, a background job has one thread until a piece of it had to be read from storage,
  // and again from one on that had not: mapping is all CPU, and the system lets even a thread of
  // low priority run for a few milliseconds on a core that a worker wants. Pieces under way are
  // finished as they were begun.
  void GiveWay(bool gives_way);

  // Pieces being read now.
  int64_t in_flight() const;

 private:
  struct Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PREFETCHER_H_
