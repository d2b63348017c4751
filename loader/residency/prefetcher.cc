#include "loader/residency/prefetcher.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "loader/residency/low_priority.h"
#include "loader/residency/prefetch_queue.h"

namespace firstlight {

ReadCost& ReadCost::operator+=(const ReadCost& other) {
  bytes_populated += other.bytes_populated;
  if (bytes_read.has_value() && other.bytes_read.has_value()) {
    *bytes_read += *other.bytes_read;
  } else {
    bytes_read.reset();
  }
  minor_faults += other.minor_faults;
  major_faults += other.major_faults;
  elapsed += other.elapsed;
  return *this;
}

PrefetchJob::PrefetchJob(size_t num_stages)
    : populated_(num_stages),
      stages_left_(static_cast<int64_t>(num_stages)),
      cost_({.bytes_read = 0}) {}

bool PrefetchJob::SetPopulated(int64_t stage) {
  if (populated_[static_cast<size_t>(stage)].exchange(true, std::memory_order_acq_rel)) {
    return false;
  }
  stages_left_.fetch_sub(1, std::memory_order_acq_rel);
  return true;
}

void PrefetchJob::Fail(const absl::Status& status) {
  MutexLock lock(&mutex_);
  status_.Update(status);
}

void PrefetchJob::AddCost(const ReadCost& cost) {
  MutexLock lock(&mutex_);
  cost_ += cost;
}

absl::Status PrefetchJob::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

ReadCost PrefetchJob::cost() const {
  MutexLock lock(&mutex_);
  return cost_;
}

struct Prefetcher::Core {
  Core(PageReader* reader, const Options& options)
      : reader(reader), options(options), queue(options.threads_per_device) {}

  // Threads of one priority. Only those of the current one take work.
  struct Band {
    CondVar changed;
    std::vector<std::thread> threads;
    int idle_threads = 0;
  };

  void Run(bool low);
  Band& BandOf(bool low) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return low ? low_band : band; }
  // That whose threads take work now.
  Band& current() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return BandOf(queue.gives_way()); }
  void AddThreadIfNeeded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Perform(PrefetchQueue::Taken taken);

  PageReader* const reader;
  const Options options;

  mutable Mutex mutex;
  PrefetchQueue queue ABSL_GUARDED_BY(mutex);
  Band band ABSL_GUARDED_BY(mutex);
  Band low_band ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

// One thread more where all are busy. They are started one by one, each by the one before it, so
// that whoever calls Start waits for the start of one at most.
void Prefetcher::Core::AddThreadIfNeeded() {
  Band& now = current();
  if (now.idle_threads > 0 || static_cast<int>(now.threads.size()) >= queue.max_threads()) return;
  try {
    now.threads.emplace_back([this, low = queue.gives_way()] { Run(low); });
  } catch (const std::system_error&) {
    return;  // fewer do the work, however slowly; Start sees to there being one
  }
}

void Prefetcher::Core::Run(bool low) {
  pthread_setname_np(pthread_self(), "prefetch");
  if (low) LowerThreadPriority();
  while (true) {
    PrefetchQueue::Taken taken;
    {
      MutexLock lock(&mutex);
      Band& mine = BandOf(low);
      while (true) {
        if (stopping) return;
        std::optional<PrefetchQueue::Taken> next;
        if (queue.gives_way() == low) next = queue.Take();
        if (next.has_value()) {
          taken = *std::move(next);
          break;
        }
        ++mine.idle_threads;
        mine.changed.Wait(&mutex);
        --mine.idle_threads;
      }
      // There may be more to begin, and this thread is about to be busy.
      AddThreadIfNeeded();
      current().changed.Signal();
    }
    Perform(std::move(taken));
  }
}

// The job in `taken` may be dropped here, on return, with all that it keeps alive.
void Prefetcher::Core::Perform(PrefetchQueue::Taken taken) {
  bool progress = false;
  switch (taken.what) {
    case PrefetchQueue::Taken::What::kDrop:
      return;
    case PrefetchQueue::Taken::What::kPlan: {
      PrefetchQueue::Plan plan = MakePlan(taken.job->request, options.piece_bytes, reader);
      MutexLock lock(&mutex);
      progress = queue.FinishPlan(taken.job, std::move(plan));
      break;
    }
    case PrefetchQueue::Taken::What::kRead: {
      const absl::StatusOr<ReadCost> cost =
          reader->Populate(taken.job->plan.pieces[taken.piece].piece.ranges);
      MutexLock lock(&mutex);
      progress = queue.FinishRead(taken, cost);
      break;
    }
  }
  {
    // A device has a reader less, or a job has ended.
    MutexLock lock(&mutex);
    current().changed.SignalAll();
  }
  if (progress && taken.job->request.on_progress) taken.job->request.on_progress();
}

Prefetcher::Prefetcher(PageReader* reader, const Options& options)
    : core_(std::make_unique<Core>(reader, options)) {}

Prefetcher::~Prefetcher() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&core_->mutex);
    core_->stopping = true;
    for (Core::Band* band : {&core_->band, &core_->low_band}) {
      std::move(band->threads.begin(), band->threads.end(), std::back_inserter(threads));
      band->changed.SignalAll();
    }
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<PrefetchQueue::JobRef> left;
  {
    MutexLock lock(&core_->mutex);
    left = core_->queue.TakeAll();
  }
}

std::shared_ptr<PrefetchJob> Prefetcher::Start(PrefetchRequest request) {
  std::shared_ptr<PrefetchJob> job;
  {
    MutexLock lock(&core_->mutex);
    job = core_->queue.Add(std::move(request));
    core_->AddThreadIfNeeded();
    core_->current().changed.Signal();
    if (core_->current().threads.empty()) {
      // The system refuses threads: then whoever computes takes the faults.
      for (int64_t stage = 0; stage < job->num_stages(); ++stage) job->SetPopulated(stage);
    }
  }
  return job;
}

void Prefetcher::Consumed(PrefetchJob* job, int64_t stage) {
  MutexLock lock(&core_->mutex);
  core_->queue.Consumed(job, stage);
  core_->current().changed.Signal();
}

void Prefetcher::Cancel(PrefetchJob* job) {
  MutexLock lock(&core_->mutex);
  core_->queue.Cancel(job);
  core_->current().changed.Signal();
}

void Prefetcher::Promote(PrefetchJob* job) {
  MutexLock lock(&core_->mutex);
  core_->queue.Promote(job);
}

void Prefetcher::GiveWay(bool gives_way) {
  MutexLock lock(&core_->mutex);
  if (core_->queue.gives_way() == gives_way) return;
  core_->queue.GiveWay(gives_way);
  if (core_->queue.empty()) return;
  core_->AddThreadIfNeeded();
  // The system refuses threads: those of the other priority go on.
  if (core_->current().threads.empty()) core_->queue.GiveWay(!gives_way);
  core_->current().changed.SignalAll();
}

int64_t Prefetcher::in_flight() const {
  MutexLock lock(&core_->mutex);
  return core_->queue.in_flight();
}

}  // namespace firstlight
