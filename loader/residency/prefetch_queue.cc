#include "loader/residency/prefetch_queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"

namespace firstlight {

PrefetchQueue::Plan MakePlan(const PrefetchRequest& request, int64_t piece_bytes,
                             PageReader* reader) {
  PrefetchQueue::Plan plan;
  std::map<const MappedFile*, uint64_t> devices;
  for (size_t stage = 0; stage < request.stages.size(); ++stage) {
    for (PrefetchPiece& piece : CutIntoPieces(request.stages[stage], piece_bytes)) {
      const MappedFile* const file = piece.ranges.front().file;
      auto device = devices.find(file);
      if (device == devices.end()) {
        const Storage storage = reader->StorageOf(*file);
        plan.storages.push_back(storage);
        device = devices.emplace(file, storage.device).first;
      }
      plan.pieces.push_back({.piece = std::move(piece),
                             .stage = static_cast<int64_t>(stage),
                             .device = device->second});
    }
  }
  return plan;
}

std::shared_ptr<PrefetchJob> PrefetchQueue::Add(PrefetchRequest request) {
  auto job = std::make_shared<Job>();
  const std::shared_ptr<PrefetchJob> handle(new PrefetchJob(request.stages.size()));
  for (size_t stage = 0; stage < request.stages.size(); ++stage) {
    if (request.stages[stage].empty()) handle->SetPopulated(static_cast<int64_t>(stage));
  }
  job->handle = handle;
  job->request = std::move(request);
  job->number = ++last_number_;
  // A newcomer shares from now on: it neither waits for what others had before nor catches up.
  job->fair_bytes = std::numeric_limits<int64_t>::max();
  for (const JobRef& other : jobs_) {
    if (!other->ended) job->fair_bytes = std::min(job->fair_bytes, other->fair_bytes);
  }
  if (job->fair_bytes == std::numeric_limits<int64_t>::max()) job->fair_bytes = 0;
  EndIfPopulated(job.get());
  jobs_.push_back(std::move(job));
  return handle;
}

PrefetchQueue::Job* PrefetchQueue::Find(const PrefetchJob* handle) const {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [handle](const JobRef& job) {
    return job->handle.get() == handle;
  });
  return found == jobs_.end() ? nullptr : found->get();
}

void PrefetchQueue::Consumed(const PrefetchJob* handle, int64_t stage) {
  Job* const job = Find(handle);
  if (job == nullptr) return;
  const int64_t consumed = std::min(stage + 1, job->handle->num_stages());
  for (; job->consumed_stages < consumed; ++job->consumed_stages) {
    if (job->planned) job->ahead_bytes -= job->begun_bytes[job->consumed_stages];
  }
}

void PrefetchQueue::Cancel(const PrefetchJob* handle) {
  Job* const job = Find(handle);
  if (job == nullptr || job->ended) return;
  job->ended = true;
  job->handle->Fail(absl::CancelledError("prefetching was cancelled"));
}

void PrefetchQueue::Promote(const PrefetchJob* handle) {
  if (Job* const job = Find(handle); job != nullptr) {
    job->request.priority = PrefetchPriority::kRequested;
  }
}

PrefetchQueue::Device& PrefetchQueue::DeviceOf(uint64_t device) {
  return devices_.try_emplace(device, threads_per_device_).first->second;
}

bool PrefetchQueue::HasThreadFor(const Device& device) const {
  if (device.in_flight >= device.limit()) return false;
  return device.in_flight == 0 || in_flight_ < kDevicesAtFullSpeed * threads_per_device_;
}

bool PrefetchQueue::MayBegin(const Job& job) {
  if (job.ended) return false;
  if (!job.planned) return !job.planning;
  if (job.next_piece == job.plan.pieces.size()) return false;
  // Readers that wait for a device leave the CPU to others; those that map what is in the page
  // cache never wait.
  if (gives_way_ && job.request.priority == PrefetchPriority::kBackground && !job.reads_storage &&
      job.busy_threads > 0) {
    return false;
  }
  const Plan::StagedPiece& next = job.plan.pieces[job.next_piece];
  if (!HasThreadFor(DeviceOf(next.device))) return false;
  // The stage that the consumer is at, or behind it.
  if (next.stage <= job.consumed_stages) return true;
  return next.piece.bytes <= job.request.window_bytes &&
         job.ahead_bytes <= job.request.window_bytes - next.piece.bytes;
}

std::optional<PrefetchQueue::Taken> PrefetchQueue::Take() {
  const auto ended = std::find_if(jobs_.begin(), jobs_.end(), [](const JobRef& job) {
    return job->ended && job->busy_threads == 0;
  });
  if (ended != jobs_.end()) {
    Taken taken{.what = Taken::What::kDrop, .job = std::move(*ended)};
    jobs_.erase(ended);
    return taken;
  }
  const auto comes_before = [](const Job& a, const Job& b) {
    if (a.request.priority != b.request.priority) return a.request.priority > b.request.priority;
    if (a.planned != b.planned) return b.planned;  // planning reads nothing
    if (a.fair_bytes != b.fair_bytes) return a.fair_bytes < b.fair_bytes;
    return a.number < b.number;
  };
  JobRef best;
  for (const JobRef& job : jobs_) {
    if (MayBegin(*job) && (best == nullptr || comes_before(*job, *best))) best = job;
  }
  if (best == nullptr) return std::nullopt;

  ++best->busy_threads;
  if (!best->planned) {
    best->planning = true;
    return Taken{.what = Taken::What::kPlan, .job = std::move(best)};
  }
  const size_t index = best->next_piece++;
  const Plan::StagedPiece& next = best->plan.pieces[index];
  best->fair_bytes += next.piece.bytes;
  best->begun_bytes[next.stage] += next.piece.bytes;
  if (next.stage >= best->consumed_stages) best->ahead_bytes += next.piece.bytes;
  ++in_flight_;
  Device& device = DeviceOf(next.device);
  ++device.in_flight;
  return Taken{.what = Taken::What::kRead,
               .job = std::move(best),
               .piece = index,
               .threads = device.in_flight};
}

bool PrefetchQueue::FinishPlan(const JobRef& job, Plan plan) {
  --job->busy_threads;
  for (const Storage& storage : plan.storages) {
    if (storage.sequential) DeviceOf(storage.device).sequential = true;
  }
  job->pieces_left.assign(job->handle->num_stages(), 0);
  job->begun_bytes.assign(job->handle->num_stages(), 0);
  for (const Plan::StagedPiece& piece : plan.pieces) ++job->pieces_left[piece.stage];
  job->plan = std::move(plan);
  job->planned = true;
  if (job->ended) return false;
  bool progress = false;
  for (int64_t stage = 0; stage < job->handle->num_stages(); ++stage) {
    if (job->pieces_left[stage] == 0) progress |= StageDone(job.get(), stage);
  }
  return progress;
}

bool PrefetchQueue::FinishRead(const Taken& taken, const absl::StatusOr<ReadCost>& cost) {
  Job& job = *taken.job;
  const Plan::StagedPiece& piece = job.plan.pieces[taken.piece];
  --job.busy_threads;
  --in_flight_;
  Device& device = DeviceOf(piece.device);
  --device.in_flight;
  if (!cost.ok()) {
    const bool first = !job.ended;
    job.ended = true;
    if (first) job.handle->Fail(cost.status());
    return first;
  }
  // Where the system does not tell what was read, having waited for pages has to do.
  const int64_t read = cost->bytes_read.value_or(cost->major_faults > 0 ? piece.piece.bytes : 0);
  job.reads_storage = read >= piece.piece.bytes / 2;
  if (read >= Parallelism::kMinSampleBytes && job.reads_storage) {
    device.parallelism.Add(taken.threads, read, cost->elapsed);
  }
  job.handle->AddCost(*cost);
  if (job.ended) return false;
  return --job.pieces_left[piece.stage] == 0 && StageDone(&job, piece.stage);
}

bool PrefetchQueue::StageDone(Job* job, int64_t stage) {
  const bool is_new = job->handle->SetPopulated(stage);
  EndIfPopulated(job);
  return is_new;
}

void PrefetchQueue::EndIfPopulated(Job* job) {
  if (job->handle->AllPopulated()) job->ended = true;
}

std::vector<PrefetchQueue::JobRef> PrefetchQueue::TakeAll() {
  for (const JobRef& job : jobs_) {
    if (!job->ended) job->handle->Fail(absl::CancelledError("the prefetcher has stopped"));
    job->ended = true;
  }
  return std::exchange(jobs_, {});
}

}  // namespace firstlight
