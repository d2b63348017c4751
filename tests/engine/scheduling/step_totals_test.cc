// What the scheduler counts of its steps: engine/scheduling/step_totals.h, and which deltas say
// that they waited for weights.

#include "engine/scheduling/step_totals.h"

#include <memory>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/scheduling/scheduler_harness.h"

namespace firstlight {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A stage takes a millisecond; layers are closed by hand.
class SlowGate final : public LayerGate {
 public:
  bool IsOpen(const Model& model, int64_t layer) override {
    if (layer == -1 && begun && std::exchange(rows_closed_within_pass, false)) return false;
    if (gate.IsOpen(model, layer)) clock->Advance(absl::Milliseconds(1));
    return gate.IsOpen(model, layer);
  }
  void PassBegins(const Model&, absl::Span<const int32_t>) override { begun = true; }
  void StageRan(const Model&, int64_t) override { begun = false; }

  // The next pass finds its embedding rows missing once, after it has begun.
  bool rows_closed_within_pass = false;
  bool begun = false;

  FakeGate gate;
  FakeClock* clock = nullptr;
};

class StepTotalsTest : public ::testing::Test {
 protected:
  StepTotalsTest() { gate_.clock = &harness_.clock(); }

  // Of one step: the embedding, the layers, the head.
  absl::Duration StepTime() const {
    return absl::Milliseconds(model_->spec().num_hidden_layers + 2);
  }
  // Steps at a closed gate, which is then opened.
  void WaitAt(int64_t layer) {
    gate_.gate.Close(model_.get(), layer);
    while (harness_.scheduler().Step()) {
    }
    harness_.clock().Advance(absl::Hours(1));
    gate_.gate.Open(model_.get(), layer);
  }

  SlowGate gate_;
  SchedulerHarness harness_{{.gate = &gate_}};
  const Golden golden_ = ReadGolden("llama-tied");
  const std::shared_ptr<Model> model_ = harness_.Load(golden_);
};

TEST_F(StepTotalsTest, AStepThatOnlyReadsAPromptIsNotSteadyDecoding) {
  const SchedulerHarness::Submitted request = harness_.Submit(model_, GreedyRequest(golden_, 10));
  EXPECT_TRUE(harness_.scheduler().Step());
  EXPECT_EQ(request.observer->tokens(), 1);
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 0);
  EXPECT_EQ(model_->step_totals()->steady_time(), absl::ZeroDuration());
  harness_.RunUntilIdle();
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 9);
  EXPECT_EQ(model_->step_totals()->steady_time(), 9 * StepTime());
  EXPECT_THAT(request.observer->answer().waited_for_weights, Each(false));
}

TEST_F(StepTotalsTest, SequencesOfOneStepShareItsTime) {
  const SchedulerHarness::Submitted a = harness_.Submit(model_, GreedyRequest(golden_, 10));
  const SchedulerHarness::Submitted b = harness_.Submit(model_, GreedyRequest(golden_, 10));
  harness_.RunUntilIdle();
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 18);
  EXPECT_EQ(model_->step_totals()->steady_time(), 9 * StepTime());
}

TEST_F(StepTotalsTest, AStepThatWaitedInTheMiddleIsNotSteady) {
  const SchedulerHarness::Submitted request = harness_.Submit(model_, GreedyRequest(golden_, 4));
  EXPECT_TRUE(harness_.scheduler().Step());
  WaitAt(/*layer=*/1);
  harness_.RunUntilIdle();
  EXPECT_THAT(request.observer->answer().waited_for_weights,
              ElementsAre(false, true, false, false));
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 2);
  EXPECT_EQ(model_->step_totals()->steady_time(), 2 * StepTime());
}

TEST_F(StepTotalsTest, NorIsOneThatWaitedBeforeItBegan) {
  const SchedulerHarness::Submitted request = harness_.Submit(model_, GreedyRequest(golden_, 4));
  EXPECT_TRUE(harness_.scheduler().Step());
  WaitAt(/*layer=*/-1);
  harness_.RunUntilIdle();
  EXPECT_THAT(request.observer->answer().waited_for_weights,
              ElementsAre(false, true, false, false));
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 2);
  EXPECT_EQ(model_->step_totals()->steady_time(), 2 * StepTime());
}

TEST_F(StepTotalsTest, RowsThatAreThereAtOnceHoldAStepUpAndAreNotWaitedFor) {
  const SchedulerHarness::Submitted request = harness_.Submit(model_, GreedyRequest(golden_, 4));
  EXPECT_TRUE(harness_.scheduler().Step());
  gate_.rows_closed_within_pass = true;
  EXPECT_FALSE(harness_.scheduler().Step());
  harness_.RunUntilIdle();
  EXPECT_THAT(request.observer->answer().waited_for_weights, Each(false));
  EXPECT_EQ(request.observer->tokens(), 4);
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 2);
  EXPECT_EQ(model_->step_totals()->steady_time(), 2 * StepTime());
}

TEST_F(StepTotalsTest, AColdFirstPassLeavesTheRestSteady) {
  gate_.gate.Close(model_.get(), 0);
  const SchedulerHarness::Submitted request = harness_.Submit(model_, GreedyRequest(golden_, 4));
  harness_.RunUntilIdle();
  EXPECT_THAT(request.observer->answer().waited_for_weights, IsEmpty());
  gate_.gate.Open(model_.get(), 0);
  harness_.RunUntilIdle();
  EXPECT_THAT(request.observer->answer().waited_for_weights,
              ElementsAre(true, false, false, false));
  EXPECT_EQ(model_->step_totals()->steady_tokens(), 3);
}

}  // namespace
}  // namespace firstlight
