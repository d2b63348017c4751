// Files that are damaged under a model in the middle of its requests.

#include <unistd.h>

#include <filesystem>
#include <string>

#include "engine/scheduling/scheduler.h"
#include "gmock/gmock.h"
#include "loader/residency/fault_guard.h"
#include "tests/engine/golden.h"
#include "tests/engine/scheduling/scheduler_harness.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

class SchedulerFaultTest : public ::testing::Test {
 protected:
  SchedulerFaultTest() {
    std::filesystem::copy(golden_.checkpoint, directory_.File("copy"),
                          std::filesystem::copy_options::recursive);
    harmed_.checkpoint = directory_.File("copy");
  }
  void Truncate() const {
    ASSERT_EQ(truncate((harmed_.checkpoint + "/model.safetensors").c_str(), 5000), 0);
  }
  // Ended by the damage, after `tokens` tokens, which are the right ones.
  void ExpectLost(const RecordingObserver& observer, int64_t tokens) const {
    ASSERT_TRUE(observer.status().has_value());
    EXPECT_THAT(*observer.status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("model.safetensors: expected")));
    EXPECT_EQ(observer.tokens(), tokens);
    if (tokens > 0) {
      EXPECT_EQ(observer.answer().ids, First(golden_.greedy, tokens));
    }
    EXPECT_EQ(observer.disorder(), "");
  }

  const Golden golden_ = ReadGolden("llama-tied");
  const TemporaryDirectory directory_;
  Golden harmed_ = golden_;
  const absl::StatusOr<std::unique_ptr<FaultGuard>> guard_ = FaultGuard::Install();
};

TEST_F(SchedulerFaultTest, NoTokenOfADamagedPassIsDelivered) {
  SchedulerHarness harness({});
  const std::shared_ptr<Model> model = harness.Load(harmed_);
  const SchedulerHarness::Submitted running = harness.Submit(model, GreedyRequest(golden_, 30));
  while (running.observer->tokens() < 3) ASSERT_TRUE(harness.scheduler().Step());
  Truncate();
  const SchedulerHarness::Submitted waiting = harness.Submit(model, GreedyRequest(golden_, 30));
  const SchedulerHarness::Submitted untokenized =
      harness.SubmitUntokenized(model, GreedyRequest(golden_, 30));
  ASSERT_TRUE(harness.scheduler().Step());
  ExpectLost(*running.observer, 3);
  ExpectLost(*waiting.observer, 0);
  ExpectLost(*untokenized.observer, 0);
  EXPECT_TRUE(harness.scheduler().idle());
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  EXPECT_EQ(harness.ended_sequences(), 3);
}

TEST_F(SchedulerFaultTest, AnotherModelDoesNotNotice) {
  SchedulerHarness harness({});
  const std::shared_ptr<Model> harmed = harness.Load(harmed_);
  const std::shared_ptr<Model> sound = harness.Load(golden_);
  const SchedulerHarness::Submitted lost = harness.Submit(harmed, GreedyRequest(golden_, 30));
  const SchedulerHarness::Submitted kept = harness.Submit(sound, GreedyRequest(golden_, 30));
  while (lost.observer->tokens() < 2 || kept.observer->tokens() < 2) {
    ASSERT_TRUE(harness.scheduler().Step());
  }
  const int64_t before = lost.observer->tokens();
  Truncate();
  harness.RunUntilIdle();
  ExpectLost(*lost.observer, before);
  EXPECT_THAT(*kept.observer->status(), IsOk());
  EXPECT_EQ(kept.observer->answer().ids, First(golden_.greedy, 30));
}

TEST_F(SchedulerFaultTest, DamageStaysWhenTheFileIsMended) {
  SchedulerHarness harness({});
  const std::shared_ptr<Model> model = harness.Load(harmed_);
  Truncate();
  const SchedulerHarness::Submitted first = harness.Submit(model, GreedyRequest(golden_, 30));
  harness.RunUntilIdle();
  ExpectLost(*first.observer, 0);
  const std::string file = harmed_.checkpoint + "/model.safetensors";
  const auto time = std::filesystem::last_write_time(golden_.checkpoint + "/model.safetensors");
  std::filesystem::copy_file(golden_.checkpoint + "/model.safetensors", file,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::last_write_time(file, time);
  const SchedulerHarness::Submitted second = harness.Submit(model, GreedyRequest(golden_, 30));
  harness.RunUntilIdle();
  ExpectLost(*second.observer, 0);
}

TEST_F(SchedulerFaultTest, ARequestCancelledInADamagedPassFreesItsBlocks) {
  FakeGate gate;
  SchedulerHarness harness({.gate = &gate});
  const std::shared_ptr<Model> model = harness.Load(harmed_);
  const SchedulerHarness::Submitted cancelled = harness.Submit(model, GreedyRequest(golden_, 30));
  const SchedulerHarness::Submitted other = harness.Submit(model, GreedyRequest(golden_, 30));
  gate.Close(model.get(), 1);
  harness.RunUntilIdle();  // up to the gate
  harness.scheduler().Cancel(cancelled.id, absl::CancelledError("gone"));
  Truncate();
  gate.Open(model.get(), 1);
  harness.RunUntilIdle();
  ExpectLost(*other.observer, 0);
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

}  // namespace
}  // namespace firstlight
