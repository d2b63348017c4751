#ifndef FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_HELD_PAGE_READER_H_
#define FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_HELD_PAGE_READER_H_

// A PageReader that a test holds by hand: what is held back waits until it is released, and
// everything that was asked for is remembered in its order. Reads nothing.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

class HeldPageReader final : public PageReader {
 public:
  struct Asked {
    const MappedFile* file = nullptr;
    std::vector<std::pair<int64_t, int64_t>> extents;  // [begin, end) in the file
    int64_t bytes = 0;
    int priority = 0;  // nice value of the thread that was to read them
  };

  // Reads one piece at a time for each file, in order.
  Storage StorageOf(const MappedFile& file) override {
    return {.device = file.identity().inode, .sequential = true, .read_ahead_kib = std::nullopt};
  }

  // Called on the reading thread when something has been asked for, before it waits.
  void set_on_asked(std::function<void()> on_asked) { on_asked_ = std::move(on_asked); }

  absl::StatusOr<ReadCost> Populate(absl::Span<const ByteRange> ranges) override {
    Asked asked{.file = ranges.front().file,
                .extents = {},
                .bytes = 0,
                .priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()))};
    for (const ByteRange& range : ranges) {
      const int64_t begin = range.bytes.data() - asked.file->bytes().data();
      const auto bytes = static_cast<int64_t>(range.bytes.size());
      asked.extents.emplace_back(begin, begin + bytes);
      asked.bytes += bytes;
    }
    {
      MutexLock lock(&mutex_);
      asked_.push_back(asked);
      changed_.SignalAll();
    }
    if (on_asked_) on_asked_();
    MutexLock lock(&mutex_);
    while (held_.contains(asked.file) && permits_ == 0) changed_.Wait(&mutex_);
    if (held_.contains(asked.file)) --permits_;
    changed_.SignalAll();
    if (!failure_.ok()) return failure_;
    return ReadCost{.bytes_populated = asked.bytes,
                    .bytes_read = from_storage_ ? asked.bytes : 0,
                    .minor_faults = 1,
                    .major_faults = from_storage_ ? 1 : 0,
                    .elapsed = absl::ZeroDuration()};
  }

  // What is asked of `file` from now on waits for Permit or Release.
  void Hold(const MappedFile* file) {
    MutexLock lock(&mutex_);
    held_.insert(file);
  }
  // Lets `pieces` of what is held pass.
  void Permit(int64_t pieces) {
    MutexLock lock(&mutex_);
    permits_ += pieces;
    changed_.SignalAll();
  }
  void Release() {
    MutexLock lock(&mutex_);
    held_.clear();
    changed_.SignalAll();
  }
  // Everything fails with this from now on; OK: nothing does.
  void Fail(absl::Status failure) {
    MutexLock lock(&mutex_);
    failure_ = std::move(failure);
  }
  // Whether the bytes come from storage: else they were in the page cache.
  void SetFromStorage(bool from_storage) {
    MutexLock lock(&mutex_);
    from_storage_ = from_storage;
  }

  std::vector<Asked> asked() const {
    MutexLock lock(&mutex_);
    return asked_;
  }
  int64_t asked_bytes() const {
    MutexLock lock(&mutex_);
    int64_t bytes = 0;
    for (const Asked& asked : asked_) bytes += asked.bytes;
    return bytes;
  }
  void AwaitAsked(size_t pieces) const {
    MutexLock lock(&mutex_);
    while (asked_.size() < pieces) changed_.Wait(&mutex_);
  }

 private:
  std::function<void()> on_asked_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::vector<Asked> asked_ ABSL_GUARDED_BY(mutex_);
  std::set<const MappedFile*> held_ ABSL_GUARDED_BY(mutex_);
  int64_t permits_ ABSL_GUARDED_BY(mutex_) = 0;
  bool from_storage_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_HELD_PAGE_READER_H_
