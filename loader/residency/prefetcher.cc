#include "loader/residency/prefetcher.h"

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
      : reader(reader), options(options), queue(options.max_threads) {}

  void Run();
  void AddThreadIfNeeded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Perform(PrefetchQueue::Taken taken);

  PageReader* const reader;
  const Options options;

  mutable Mutex mutex;
  CondVar changed;
  PrefetchQueue queue ABSL_GUARDED_BY(mutex);
  std::vector<std::thread> threads ABSL_GUARDED_BY(mutex);
  int idle_threads ABSL_GUARDED_BY(mutex) = 0;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

// One thread more where all are busy. They are started one by one, each by the one before it, so
// that whoever calls Start waits for the start of one at most.
void Prefetcher::Core::AddThreadIfNeeded() {
  if (idle_threads > 0 || static_cast<int>(threads.size()) >= options.max_threads) return;
  try {
    threads.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    return;  // fewer do the work, however slowly; Start sees to there being one
  }
}

void Prefetcher::Core::Run() {
  LowerThreadPriority("prefetch");
  while (true) {
    PrefetchQueue::Taken taken;
    {
      MutexLock lock(&mutex);
      while (true) {
        if (stopping) return;
        std::optional<PrefetchQueue::Taken> next = queue.Take();
        if (next.has_value()) {
          taken = *std::move(next);
          break;
        }
        ++idle_threads;
        changed.Wait(&mutex);
        --idle_threads;
      }
      // There may be more to begin, and this thread is about to be busy.
      AddThreadIfNeeded();
    }
    changed.Signal();
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
  // A device has a reader less, or a job has ended.
  changed.SignalAll();
  if (progress && taken.job->request.on_progress) taken.job->request.on_progress();
}

Prefetcher::Prefetcher(PageReader* reader, const Options& options)
    : core_(std::make_unique<Core>(reader, options)) {}

Prefetcher::~Prefetcher() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&core_->mutex);
    core_->stopping = true;
    threads.swap(core_->threads);
  }
  core_->changed.SignalAll();
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
    if (core_->threads.empty()) {
      // The system refuses threads: then whoever computes takes the faults.
      for (int64_t stage = 0; stage < job->num_stages(); ++stage) job->SetPopulated(stage);
    }
  }
  core_->changed.Signal();
  return job;
}

void Prefetcher::Consumed(PrefetchJob* job, int64_t stage) {
  {
    MutexLock lock(&core_->mutex);
    core_->queue.Consumed(job, stage);
  }
  core_->changed.Signal();
}

void Prefetcher::Cancel(PrefetchJob* job) {
  {
    MutexLock lock(&core_->mutex);
    core_->queue.Cancel(job);
  }
  core_->changed.Signal();
}

void Prefetcher::Promote(PrefetchJob* job) {
  MutexLock lock(&core_->mutex);
  core_->queue.Promote(job);
}

int64_t Prefetcher::in_flight() const {
  MutexLock lock(&core_->mutex);
  return core_->queue.in_flight();
}

}  // namespace firstlight
