#include "loader/residency/prefetcher.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::ElementsAre;

// Reads nothing, and each piece only when told: Allow says how many may end. Those of files called
// "stuck", which are on a device of their own, end when Unstick is called.
class HeldReader : public PageReader {
 public:
  absl::StatusOr<ReadCost> Populate(absl::Span<const ByteRange> ranges) override {
    MutexLock lock(&mutex_);
    begun_.push_back(ranges.front().bytes.data());
    priorities_.push_back(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())));
    most_at_once_ = std::max(most_at_once_, ++under_way_);
    changed_.SignalAll();
    if (IsStuck(*ranges.front().file)) {
      while (!unstuck_) changed_.Wait(&mutex_);
    } else {
      while (allowed_ == 0) changed_.Wait(&mutex_);
      --allowed_;
    }
    --under_way_;
    if (!failure_.ok()) return failure_;
    ReadCost cost{.bytes_read = 0};
    for (const ByteRange& range : ranges) {
      cost.bytes_populated += static_cast<int64_t>(range.bytes.size());
    }
    return cost;
  }
  Storage StorageOf(const MappedFile& file) override {
    return {.device = IsStuck(file) ? uint64_t{2} : uint64_t{1}};
  }

  void Allow(int pieces) {
    MutexLock lock(&mutex_);
    allowed_ += pieces;
    changed_.SignalAll();
  }
  void Unstick() {
    MutexLock lock(&mutex_);
    unstuck_ = true;
    changed_.SignalAll();
  }
  void FailWith(const absl::Status& status) {
    MutexLock lock(&mutex_);
    failure_ = status;
  }
  void AwaitBegun(size_t pieces) {
    MutexLock lock(&mutex_);
    while (begun_.size() < pieces) changed_.Wait(&mutex_);
  }
  size_t begun() const {
    MutexLock lock(&mutex_);
    return begun_.size();
  }
  std::vector<const std::byte*> begun_at() const {
    MutexLock lock(&mutex_);
    return begun_;
  }
  // The nice value of whoever fetched each piece.
  std::vector<int> priorities() const {
    MutexLock lock(&mutex_);
    return priorities_;
  }
  int most_at_once() const {
    MutexLock lock(&mutex_);
    return most_at_once_;
  }

 private:
  static bool IsStuck(const MappedFile& file) { return file.name() == "stuck"; }

  mutable Mutex mutex_;
  CondVar changed_;
  int allowed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool unstuck_ ABSL_GUARDED_BY(mutex_) = false;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_at_once_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<const std::byte*> begun_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> priorities_ ABSL_GUARDED_BY(mutex_);
};

// Counts calls, of on_progress say, and waits for a number of them.
class Progress {
 public:
  std::function<void()> callback() {
    return [this] { Add(); };
  }
  void Add() {
    MutexLock lock(&mutex_);
    ++calls_;
    changed_.SignalAll();
  }
  int calls() {
    MutexLock lock(&mutex_);
    return calls_;
  }
  void Await(int calls) {
    MutexLock lock(&mutex_);
    while (calls_ < calls) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

class PrefetcherTest : public ::testing::Test {
 protected:
  static constexpr int64_t kPiecePages = 4;

  PrefetchRequest Request(int64_t stages) { return Request(stages, file_); }
  PrefetchRequest Request(int64_t stages, const std::shared_ptr<const MappedFile>& file) {
    PrefetchRequest request;
    for (int64_t stage = 0; stage < stages; ++stage) {
      request.stages.push_back({Pages(file, stage * kPiecePages, kPiecePages)});
    }
    request.on_progress = progress_.callback();
    return request;
  }
  Prefetcher::Options Options(int threads_per_device) const {
    return {.piece_bytes = kPiecePages * PageBytes(), .threads_per_device = threads_per_device};
  }

  const TemporaryDirectory directory_;
  const std::shared_ptr<const MappedFile> file_ = MapSparse(directory_, "a", 1000 * PageBytes());
  HeldReader reader_;
  Progress progress_;
};

TEST_F(PrefetcherTest, FetchesStagesInOrderAndSaysSo) {
  Prefetcher prefetcher(&reader_, Options(1));
  const auto job = prefetcher.Start(Request(3));
  for (int stage = 0; stage < 3; ++stage) {
    reader_.AwaitBegun(stage + 1);
    EXPECT_FALSE(job->IsPopulated(stage));
    reader_.Allow(1);
    progress_.Await(stage + 1);
    EXPECT_TRUE(job->IsPopulated(stage));
    EXPECT_EQ(reader_.begun_at()[stage], Pages(file_, stage * kPiecePages, 1).bytes.data());
  }
  EXPECT_TRUE(job->AllPopulated());
  EXPECT_THAT(job->status(), IsOk());
  EXPECT_EQ(job->cost().bytes_populated, 3 * kPiecePages * PageBytes());
  EXPECT_EQ(job->cost().bytes_read, 0);
}

TEST_F(PrefetcherTest, ReadsWithAllThreadsAtOnce) {
  Prefetcher prefetcher(&reader_, Options(4));
  const auto job = prefetcher.Start(Request(10));
  reader_.AwaitBegun(4);
  EXPECT_EQ(prefetcher.in_flight(), 4);
  reader_.Allow(10);
  progress_.Await(10);
  EXPECT_EQ(reader_.most_at_once(), 4);
}

TEST_F(PrefetcherTest, ADeviceThatDoesNotAnswerHoldsUpNoOther) {
  Prefetcher prefetcher(&reader_, Options(2));
  const auto stuck = MapSparse(directory_, "stuck", 1000 * PageBytes());
  std::vector<std::shared_ptr<PrefetchJob>> never;
  for (int i = 0; i < 10; ++i) never.push_back(prefetcher.Start(Request(10, stuck)));
  reader_.AwaitBegun(2);
  const auto job = prefetcher.Start(Request(10));
  reader_.AwaitBegun(4);  // both threads that the other device may have
  reader_.Allow(10);
  progress_.Await(10);
  EXPECT_TRUE(job->AllPopulated());
  for (const auto& one : never) {
    EXPECT_FALSE(one->IsPopulated(0));
    prefetcher.Cancel(one.get());
  }
  reader_.Unstick();
}

TEST_F(PrefetcherTest, WaitsForTheConsumerAtTheEndOfItsWindow) {
  Prefetcher prefetcher(&reader_, Options(4));
  PrefetchRequest request = Request(4);
  request.window_bytes = 2 * kPiecePages * PageBytes();
  const auto job = prefetcher.Start(std::move(request));
  reader_.Allow(100);
  progress_.Await(2);
  EXPECT_EQ(reader_.begun(), 2u);
  EXPECT_FALSE(job->IsPopulated(2));
  prefetcher.Consumed(job.get(), 0);
  progress_.Await(3);
  EXPECT_EQ(reader_.begun(), 3u);
  prefetcher.Consumed(job.get(), 2);
  progress_.Await(4);
  EXPECT_TRUE(job->AllPopulated());
}

TEST_F(PrefetcherTest, GivesWayWhenTold) {
  const int own = getpriority(PRIO_PROCESS, 0);
  if (own >= 10) GTEST_SKIP() << "this process has a low priority itself";
  Prefetcher prefetcher(&reader_, Options(1));
  const auto job = prefetcher.Start(Request(4));
  reader_.AwaitBegun(1);
  prefetcher.GiveWay(true);  // in the middle of a piece, which stays as it is
  reader_.Allow(1);
  reader_.AwaitBegun(2);
  prefetcher.GiveWay(true);
  reader_.Allow(1);
  reader_.AwaitBegun(3);
  prefetcher.GiveWay(false);
  reader_.Allow(2);
  progress_.Await(4);
  EXPECT_TRUE(job->AllPopulated());
  EXPECT_THAT(reader_.priorities(), ElementsAre(own, 10, 10, own));
}

TEST_F(PrefetcherTest, GivesWayInTheBackgroundWithOneThread) {
  Prefetcher prefetcher(&reader_, Options(4));
  prefetcher.GiveWay(true);
  PrefetchRequest request = Request(10);
  request.priority = PrefetchPriority::kBackground;
  const auto job = prefetcher.Start(std::move(request));
  reader_.AwaitBegun(1);
  reader_.Allow(10);
  progress_.Await(10);
  EXPECT_TRUE(job->AllPopulated());
  EXPECT_EQ(reader_.most_at_once(), 1);
}

TEST_F(PrefetcherTest, DamageIsTold) {
  Prefetcher prefetcher(&reader_, Options(1));
  const auto job = prefetcher.Start(Request(3));
  reader_.Allow(1);
  progress_.Await(1);
  reader_.AwaitBegun(2);
  reader_.FailWith(absl::DataLossError("weights: truncated"));
  reader_.Allow(1);
  progress_.Await(2);
  EXPECT_TRUE(job->IsPopulated(0));
  EXPECT_FALSE(job->IsPopulated(1));
  EXPECT_THAT(job->status(), StatusIs(absl::StatusCode::kDataLoss, "weights: truncated"));
}

TEST_F(PrefetcherTest, DropsWhatAJobHoldsOnItsOwnThreads) {
  Prefetcher prefetcher(&reader_, Options(2));
  for (const bool cancel : {false, true}) {
    Progress dropped;
    std::array<char, 16> dropped_by = {};  // the thread's name
    PrefetchRequest request = Request(3);
    request.keep_alive = std::shared_ptr<const void>(file_.get(), [&](const void*) {
      pthread_getname_np(pthread_self(), dropped_by.data(), dropped_by.size());
      dropped.Add();
    });
    const size_t begun = reader_.begun();
    auto job = prefetcher.Start(std::move(request));
    reader_.AwaitBegun(begun + 2);
    EXPECT_EQ(dropped.calls(), 0);
    if (cancel) prefetcher.Cancel(job.get());
    job.reset();
    EXPECT_EQ(dropped.calls(), 0) << "it is being read";
    reader_.Allow(cancel ? 2 : 3);
    dropped.Await(1);
    EXPECT_STREQ(dropped_by.data(), "prefetch");
    if (cancel) {
      EXPECT_EQ(reader_.begun(), begun + 2);
    }
  }
}

TEST_F(PrefetcherTest, GoesAwayInTheMiddleOfAJob) {
  bool dropped = false;
  std::shared_ptr<PrefetchJob> job;
  {
    Prefetcher prefetcher(&reader_, Options(2));
    PrefetchRequest request = Request(100);
    request.window_bytes = 2 * kPiecePages * PageBytes();
    request.keep_alive =
        std::shared_ptr<const void>(file_.get(), [&dropped](const void*) { dropped = true; });
    job = prefetcher.Start(std::move(request));
    reader_.AwaitBegun(2);
    reader_.Allow(2);
  }
  EXPECT_TRUE(dropped);
  EXPECT_FALSE(job->AllPopulated());
  EXPECT_THAT(job->status(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
}

TEST_F(PrefetcherTest, ManyJobsFromManyThreads) {
  Prefetcher prefetcher(&reader_, Options(4));
  reader_.Allow(1 << 20);
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&, user] {
      for (int round = 0; round < 50; ++round) {
        Progress progress;
        PrefetchRequest request = Request(5);
        request.on_progress = progress.callback();
        request.priority =
            user % 2 == 0 ? PrefetchPriority::kBackground : PrefetchPriority::kRequested;
        request.window_bytes = 2 * kPiecePages * PageBytes();
        Progress dropped;
        request.keep_alive =
            std::shared_ptr<const void>(file_.get(), [&dropped](const void*) { dropped.Add(); });
        const auto job = prefetcher.Start(std::move(request));
        if (round % 5 == 4) {
          prefetcher.Cancel(job.get());
        } else {
          prefetcher.Promote(job.get());
          for (int stage = 0; stage < 5; ++stage) {
            progress.Await(stage + 1);
            prefetcher.Consumed(job.get(), stage);
          }
          EXPECT_TRUE(job->AllPopulated());
        }
        dropped.Await(1);
      }
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(prefetcher.in_flight(), 0);
}

}  // namespace
}  // namespace firstlight
