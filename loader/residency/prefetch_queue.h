#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_QUEUE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_QUEUE_H_

// The decisions of Prefetcher without its threads: which piece of which job is read next. A test
// steps it by hand.
//
// Not thread-safe: Prefetcher guards it with its mutex. Nothing here does I/O. What a job must not
// drop on the wrong thread (Prefetcher's guarantee 5) leaves through Taken alone.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/residency/parallelism.h"
#include "loader/residency/prefetch_pieces.h"
#include "loader/residency/prefetcher.h"

namespace firstlight {

class PrefetchQueue {
 public:
  struct Job;
  using JobRef = std::shared_ptr<Job>;

  // A job's pieces and what the files that they are of lie on.
  struct Plan {
    struct StagedPiece {
      PrefetchPiece piece;
      int64_t stage = 0;
      uint64_t device = 0;
    };
    std::vector<StagedPiece> pieces;  // stages ascending
    std::vector<Storage> storages;
  };

  // What a thread is to do next.
  struct Taken {
    enum class What { kPlan, kRead, kDrop };
    What what = What::kDrop;
    // kDrop: the last reference to the job's request goes with this.
    JobRef job;
    size_t piece = 0;  // kRead: index into the job's plan
    int threads = 0;   // kRead: readers of its device, this one included
  };

  struct Job {
    std::shared_ptr<PrefetchJob> handle;
    PrefetchRequest request;
    uint64_t number = 0;  // ascending in the order of Add
    bool planning = false;
    bool planned = false;
    Plan plan;
    size_t next_piece = 0;
    int64_t consumed_stages = 0;       // stages before this one are consumed
    std::vector<int64_t> pieces_left;  // [stages]
    std::vector<int64_t> begun_bytes;  // [stages]
    int64_t ahead_bytes = 0;           // of begun_bytes, those of stages that are not consumed
    int64_t fair_bytes = 0;            // what it has had, for sharing with others
    int64_t busy_threads = 0;
    bool reads_storage = false;  // its last piece was not in the page cache
    bool ended = false;          // populated, failed or cancelled: nothing more to begin
  };

  // One device is read by `threads_per_device` at most.
  explicit PrefetchQueue(int threads_per_device) : threads_per_device_(threads_per_device) {}

  // Stages without ranges are populated on return.
  std::shared_ptr<PrefetchJob> Add(PrefetchRequest request);
  void Consumed(const PrefetchJob* job, int64_t stage);
  void Cancel(const PrefetchJob* job);
  void Promote(const PrefetchJob* job);
  // See Prefetcher::GiveWay.
  void GiveWay(bool gives_way) { gives_way_ = gives_way; }
  bool gives_way() const { return gives_way_; }

  // The next thing to do; empty when there is nothing to begin now. Jobs that have ended first,
  // then by priority, those to be planned, fewest fair_bytes, age.
  std::optional<Taken> Take();
  // What came of a kPlan and of a kRead. True when `on_progress` should be called: after this, and
  // without the mutex.
  bool FinishPlan(const JobRef& job, Plan plan);
  bool FinishRead(const Taken& taken, const absl::StatusOr<ReadCost>& cost);

  // Ends every job with CANCELLED and gives them out for dropping. REQUIRES: nothing is under way.
  std::vector<JobRef> TakeAll();

  int64_t in_flight() const { return in_flight_; }
  // As many as there can be things to do at once.
  int max_threads() const {
    return kDevicesAtFullSpeed * threads_per_device_ + static_cast<int>(devices_.size());
  }
  // Whether no job is left.
  bool empty() const { return jobs_.empty(); }

 private:
  // Of those that are read at once, how many may be read by as many threads as are good for each:
  // one that does not answer slows down nobody. All others have one thread.
  static constexpr int kDevicesAtFullSpeed = 2;

  struct Device {
    explicit Device(int threads_per_device) : parallelism(threads_per_device) {}
    Parallelism parallelism;
    bool sequential = false;
    int in_flight = 0;
    int limit() const { return sequential ? 1 : parallelism.limit(); }
  };

  Job* Find(const PrefetchJob* handle) const;
  Device& DeviceOf(uint64_t device);
  bool HasThreadFor(const Device& device) const;
  bool MayBegin(const Job& job);
  bool StageDone(Job* job, int64_t stage);
  void EndIfPopulated(Job* job);

  const int threads_per_device_;
  bool gives_way_ = false;
  std::vector<JobRef> jobs_;
  std::map<uint64_t, Device> devices_;
  uint64_t last_number_ = 0;
  int64_t in_flight_ = 0;
};

// Cuts a request into its plan, asking `reader` what its files lie on.
PrefetchQueue::Plan MakePlan(const PrefetchRequest& request, int64_t piece_bytes,
                             PageReader* reader);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_QUEUE_H_
