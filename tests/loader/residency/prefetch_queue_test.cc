#include "loader/residency/prefetch_queue.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using What = PrefetchQueue::Taken::What;

// The page reader of these tests: it is asked only what files lie on.
class Disks : public PageReader {
 public:
  absl::StatusOr<ReadCost> Populate(absl::Span<const ByteRange>) override { return ReadCost(); }
  Storage StorageOf(const MappedFile& file) override {
    const auto device = device_of_.find(file.name());
    return {.device = device == device_of_.end() ? uint64_t{1} : device->second,
            .sequential = file.name() == "remote"};
  }

 private:
  const std::map<std::string, uint64_t> device_of_ = {{"remote", 2}, {"disk3", 3}, {"disk4", 4}};
};

class PrefetchQueueTest : public ::testing::Test {
 protected:
  static constexpr int kThreads = 8;

  // `stages` stages of two pieces of four pages each.
  PrefetchRequest Request(const std::shared_ptr<const MappedFile>& file, int64_t stages) const {
    PrefetchRequest request;
    for (int64_t stage = 0; stage < stages; ++stage) {
      request.stages.push_back({Pages(file, stage * 8, 8)});
    }
    return request;
  }
  const int64_t piece_bytes_ = 4 * PageBytes();

  std::shared_ptr<PrefetchJob> Add(PrefetchRequest request) {
    std::shared_ptr<PrefetchJob> job = queue_.Add(std::move(request));
    while (true) {
      std::optional<PrefetchQueue::Taken> taken = queue_.Take();
      if (!taken.has_value()) return job;
      if (taken->what == What::kPlan) {
        queue_.FinishPlan(taken->job, MakePlan(taken->job->request, piece_bytes_, &disks_));
        return job;
      }
      ADD_FAILURE() << "expected the new job to be planned first";
      return job;
    }
  }
  // Takes a reading, which has to be there.
  PrefetchQueue::Taken Take() {
    std::optional<PrefetchQueue::Taken> taken = queue_.Take();
    EXPECT_TRUE(taken.has_value());
    if (!taken.has_value()) return {};
    EXPECT_EQ(taken->what, What::kRead);
    return *std::move(taken);
  }
  static int64_t StageOf(const PrefetchQueue::Taken& taken) {
    return taken.job->plan.pieces[taken.piece].stage;
  }
  bool Finish(const PrefetchQueue::Taken& taken) {
    return queue_.FinishRead(taken, ReadCost{.bytes_read = piece_bytes_});
  }

  const TemporaryDirectory directory_;
  const std::shared_ptr<const MappedFile> file_ = MapSparse(directory_, "a", 1000 * PageBytes());
  Disks disks_;
  PrefetchQueue queue_{kThreads};
};

TEST_F(PrefetchQueueTest, ReadsStagesInOrderAndTellsWhenOneIsWhole) {
  const auto job = Add(Request(file_, 2));
  const PrefetchQueue::Taken first = Take();
  const PrefetchQueue::Taken second = Take();
  const PrefetchQueue::Taken third = Take();
  const PrefetchQueue::Taken fourth = Take();
  EXPECT_EQ(StageOf(first), 0);
  EXPECT_EQ(StageOf(second), 0);
  EXPECT_EQ(StageOf(third), 1);
  EXPECT_FALSE(queue_.Take().has_value());
  EXPECT_EQ(queue_.in_flight(), 4);
  EXPECT_FALSE(Finish(second));
  EXPECT_FALSE(job->IsPopulated(0));
  EXPECT_TRUE(Finish(first));
  EXPECT_TRUE(job->IsPopulated(0));
  EXPECT_FALSE(job->IsPopulated(1));
  Finish(third);
  Finish(fourth);
  EXPECT_TRUE(job->AllPopulated());
  EXPECT_EQ(job->cost().bytes_read, 4 * piece_bytes_);
  // Now it is to be dropped, by whoever takes it.
  const auto last = queue_.Take();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->what, What::kDrop);
}

TEST_F(PrefetchQueueTest, GivingWayMapsInTheBackgroundWithOneThread) {
  PrefetchRequest request = Request(file_, 10);
  request.priority = PrefetchPriority::kBackground;
  const auto job = Add(std::move(request));
  const auto finish = [&](const PrefetchQueue::Taken& taken, int64_t bytes_read) {
    queue_.FinishRead(taken, ReadCost{.bytes_read = bytes_read});
  };
  queue_.GiveWay(true);
  PrefetchQueue::Taken piece = Take();
  EXPECT_FALSE(queue_.Take().has_value()) << "nobody knows yet what the pieces cost";
  finish(piece, 0);
  piece = Take();
  EXPECT_FALSE(queue_.Take().has_value()) << "it was in the page cache";
  // A device gives more to several.
  finish(piece, piece_bytes_);
  piece = Take();
  const PrefetchQueue::Taken beside = Take();
  finish(piece, 0);
  EXPECT_FALSE(queue_.Take().has_value()) << "what comes now is in the page cache again";
  // Others are not held up by it, and a job that a request waits for has all threads.
  const auto other = MapSparse(directory_, "other", 1000 * PageBytes());
  const auto wanted = Add(Request(other, 10));
  Take();
  EXPECT_EQ(Take().job->handle, wanted);
  // Nobody to give way to.
  queue_.Cancel(wanted.get());
  queue_.GiveWay(false);
  EXPECT_EQ(Take().job->handle, job);
  EXPECT_EQ(Take().job->handle, job);
}

TEST_F(PrefetchQueueTest, StaysWithinTheWindow) {
  PrefetchRequest request = Request(file_, 10);
  request.window_bytes = 3 * piece_bytes_;
  const auto job = Add(std::move(request));
  std::vector<PrefetchQueue::Taken> taken = {Take(), Take(), Take()};
  EXPECT_FALSE(queue_.Take().has_value());
  // Having read does not move the window; having consumed does.
  for (const PrefetchQueue::Taken& one : taken) Finish(one);
  EXPECT_FALSE(queue_.Take().has_value());
  queue_.Consumed(job.get(), 0);
  EXPECT_EQ(StageOf(Take()), 1);
  EXPECT_EQ(StageOf(Take()), 2);
  EXPECT_FALSE(queue_.Take().has_value());
}

TEST_F(PrefetchQueueTest, AStageLargerThanTheWindowIsFetchedWhenItsTurnComes) {
  PrefetchRequest request = Request(file_, 2);
  request.window_bytes = 1;
  const auto job = Add(std::move(request));
  Finish(Take());
  Finish(Take());
  EXPECT_TRUE(job->IsPopulated(0));
  EXPECT_FALSE(queue_.Take().has_value());
  queue_.Consumed(job.get(), 0);
  EXPECT_EQ(StageOf(Take()), 1);
}

TEST_F(PrefetchQueueTest, JobsOfOnePriorityShareByBytes) {
  const auto a = Add(Request(file_, 5));
  Finish(Take());
  Finish(Take());
  const auto other = MapSparse(directory_, "b", 1000 * PageBytes());
  const auto b = Add(Request(other, 5));
  // b has had nothing, but does not catch up.
  std::map<PrefetchJob*, int> pieces;
  for (int i = 0; i < 6; ++i) {
    const PrefetchQueue::Taken taken = Take();
    ++pieces[taken.job->handle.get()];
    Finish(taken);
  }
  EXPECT_EQ(pieces[a.get()], 3);
  EXPECT_EQ(pieces[b.get()], 3);
}

TEST_F(PrefetchQueueTest, ARequestedJobComesFirst) {
  PrefetchRequest background = Request(file_, 5);
  background.priority = PrefetchPriority::kBackground;
  const auto slow = Add(std::move(background));
  Finish(Take());
  const auto wanted = Add(Request(MapSparse(directory_, "b", 1000 * PageBytes()), 2));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Take().job->handle, wanted);
  EXPECT_EQ(Take().job->handle, slow);
}

TEST_F(PrefetchQueueTest, PromotingMakesARequestedJob) {
  PrefetchRequest request = Request(file_, 5);
  request.priority = PrefetchPriority::kBackground;
  const auto first = Add(request);
  const auto second = Add(request);
  queue_.Promote(second.get());
  EXPECT_EQ(Take().job->handle, second);
  EXPECT_EQ(Take().job->handle, second);
}

TEST_F(PrefetchQueueTest, OneReaderForANetworkFileSystem) {
  const auto remote = Add(Request(MapSparse(directory_, "remote", 1000 * PageBytes()), 3));
  const PrefetchQueue::Taken first = Take();
  EXPECT_FALSE(queue_.Take().has_value());
  // Another device is not held up by it.
  const auto local = Add(Request(file_, 1));
  EXPECT_EQ(Take().job->handle, local);
  EXPECT_EQ(Take().job->handle, local);
  EXPECT_FALSE(queue_.Take().has_value());
  Finish(first);
  EXPECT_EQ(Take().job->handle, remote);
}

TEST_F(PrefetchQueueTest, NoMoreReadersThanThreads) {
  const auto job = Add(Request(file_, 50));
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(Take().threads, i + 1);
  EXPECT_FALSE(queue_.Take().has_value());
}

TEST_F(PrefetchQueueTest, DevicesThatDoNotAnswerHoldUpNoOther) {
  const auto take_all_for = [this](const std::shared_ptr<PrefetchJob>& job) {
    int taken = 0;
    while (const std::optional<PrefetchQueue::Taken> next = queue_.Take()) {
      EXPECT_EQ(next->job->handle, job);
      ++taken;
    }
    return taken;
  };
  const auto hangs = Add(Request(file_, 50));
  EXPECT_EQ(take_all_for(hangs), kThreads);
  const auto beside = Add(Request(MapSparse(directory_, "disk3", 1000 * PageBytes()), 50));
  EXPECT_EQ(take_all_for(beside), kThreads);
  // Now both hang.
  const auto third = Add(Request(MapSparse(directory_, "disk4", 1000 * PageBytes()), 50));
  for (int i = 0; i < 3; ++i) {
    const PrefetchQueue::Taken taken = Take();
    EXPECT_EQ(taken.job->handle, third);
    EXPECT_FALSE(queue_.Take().has_value());
    Finish(taken);
  }
  EXPECT_EQ(take_all_for(third), 1);
  EXPECT_LT(queue_.in_flight(), queue_.max_threads()) << "a thread is left to plan the next job";
}

TEST_F(PrefetchQueueTest, DamageEndsTheJobAlone) {
  const auto damaged = Add(Request(file_, 5));
  const auto sound = Add(Request(MapSparse(directory_, "b", 1000 * PageBytes()), 5));
  const PrefetchQueue::Taken first = Take();
  ASSERT_EQ(first.job->handle, damaged);
  const PrefetchQueue::Taken second = Take();
  ASSERT_EQ(second.job->handle, sound);
  const PrefetchQueue::Taken third = Take();
  ASSERT_EQ(third.job->handle, damaged);
  EXPECT_TRUE(queue_.FinishRead(first, absl::DataLossError("a: truncated")));
  EXPECT_THAT(damaged->status(), StatusIs(absl::StatusCode::kDataLoss, "a: truncated"));
  // What was under way comes to its end and populates nothing.
  EXPECT_FALSE(queue_.FinishRead(third, absl::DataLossError("a: another")));
  EXPECT_THAT(damaged->status(), StatusIs(absl::StatusCode::kDataLoss, "a: truncated"));
  EXPECT_FALSE(damaged->IsPopulated(0));
  EXPECT_EQ(queue_.Take()->what, What::kDrop);
  EXPECT_EQ(Take().job->handle, sound);
  EXPECT_THAT(sound->status(), IsOk());
}

TEST_F(PrefetchQueueTest, CancellingBeginsNothingMore) {
  const auto job = Add(Request(file_, 5));
  const PrefetchQueue::Taken taken = Take();
  queue_.Cancel(job.get());
  EXPECT_FALSE(queue_.Take().has_value()) << "its request is still being read for";
  Finish(taken);
  EXPECT_EQ(queue_.Take()->what, What::kDrop);
  EXPECT_FALSE(queue_.Take().has_value());
  EXPECT_THAT(job->status(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
}

TEST_F(PrefetchQueueTest, StagesWithoutBytesOnDiskAreThere) {
  const std::vector<std::byte> memory(10);
  PrefetchRequest request;
  request.stages = {{}, {ByteRange{.bytes = memory, .file = nullptr}}, {Pages(file_, 0, 1)}};
  const auto job = Add(std::move(request));
  EXPECT_TRUE(job->IsPopulated(0));
  EXPECT_TRUE(job->IsPopulated(1));
  EXPECT_FALSE(job->IsPopulated(2));
}

}  // namespace
}  // namespace firstlight
