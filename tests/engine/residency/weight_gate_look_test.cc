// When a gate looks at the page tables again, and what requests are told of what it found.

#include "engine/residency/weight_gate.h"

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "tests/engine/residency/weight_gate_harness.h"

namespace firstlight {
namespace {

TEST_F(WeightGateTest, AfterASecondOfIdlenessItLooksAgain) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  RunUntil(Done(harness_->Submit(model, Request())));
  const size_t asked = reader_.asked().size();
  clock_.Advance(WeightGate::kIdle + absl::Milliseconds(1));
  SetMapped(*model, 1.0);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(samples(), 2);
  EXPECT_EQ(reader_.asked().size(), asked);  // still there
  clock_.Advance(WeightGate::kIdle + absl::Milliseconds(1));
  SetMapped(*model, 0.999);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(samples(), 3);
  EXPECT_GT(reader_.asked().size(), asked);  // the system had taken some
}

TEST_F(WeightGateTest, InUseItLooksNowAndThenWithoutHoldingUpAPass) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  GenerationRequest request = Request();
  request.stopping.max_tokens = 100;
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, request);
  RunUntil([&] { return submitted.observer->tokens() == 1; });
  EXPECT_EQ(samples(), 1);
  const size_t asked = reader_.asked().size();
  SetMapped(*model, 0.5);
  // The look comes due and is another thread's matter: every step gives its token.
  for (int64_t tokens = 2; tokens <= 20; ++tokens) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(harness_->scheduler().Step());
    ASSERT_EQ(submitted.observer->tokens(), tokens);
  }
  // What it finds holds from when it is told: pages are gone, and are fetched again.
  while (model->residency()->last_look().mapped != 0.5) inbox_.Run(/*wait=*/true);
  RunUntil(Done(submitted));
  EXPECT_EQ(submitted.observer->tokens(), 100);
  EXPECT_EQ(samples(), 2);
  EXPECT_GT(reader_.asked().size(), asked);
}

TEST_F(WeightGateTest, AWorkerThatReadFromStorageMakesItLookAgain) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  SetMapped(*model, 1.0);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(samples(), 1);
  gate_->FaultedFromStorage(*model);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(samples(), 2);
}

// A memory limit below the model's size: each pass pushes out what the next one needs.
TEST_F(WeightGateTest, WherePagesGoWhileInUseEveryPassIsFetchedFor) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  GenerationRequest request = Request();
  request.stopping.max_tokens = 10;
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, request);
  RunUntil([&] { return submitted.observer->tokens() == 1; });
  gate_->FaultedFromStorage(*model);
  RunUntil(Done(submitted));
  // Before the first pass, after the fault, and before each of the eight that followed.
  EXPECT_EQ(samples(), 10);
  const std::vector<int64_t> stages = AskedStages(*model);
  EXPECT_EQ(std::count(stages.begin(), stages.end(), 0), 10);
  clock_.Advance(WeightGate::kDistrust);
  SetMapped(*model, 1.0);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(samples(), 11);
}

TEST_F(WeightGateTest, WithoutPrefetchNobodyReadsAndTheRequestIsToldWhatItFound) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/false, PrefetchPolicy::kNone);
  SetMapped(*model, 0.25);
  const SchedulerHarness::Submitted first = harness_->Submit(model, Request());
  RunUntil(Done(first));
  EXPECT_TRUE(reader_.asked().empty());
  const std::optional<RequestResidency> residency = first.observer->answer().finished->residency;
  ASSERT_TRUE(residency.has_value());
  EXPECT_EQ(residency->mapped_before, 0.25);
  EXPECT_EQ(residency->residency, ResidencyClass::kMapped);
  // Its pass has mapped everything.
  const SchedulerHarness::Submitted second = harness_->Submit(model, Request());
  RunUntil(Done(second));
  EXPECT_EQ(second.observer->answer().finished->residency->mapped_before, 1.0);
  EXPECT_EQ(second.observer->answer().finished->residency->residency, ResidencyClass::kWarm);
}

TEST_F(WeightGateTest, WhatIsReadIsChargedWholeToEachRequestThatWaitsForItsFirstToken) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  const std::shared_ptr<Model> other = Load(/*tied=*/true);
  SetMapped(*other, 1.0);
  reader_.Hold(FileOf(*model));
  const SchedulerHarness::Submitted a = harness_->Submit(model, Request());
  const SchedulerHarness::Submitted b = harness_->Submit(model, Request({9, 8}));
  const SchedulerHarness::Submitted beside = harness_->Submit(other, Request());
  // The pass has begun, and asks for its rows, before the head comes, in which they all are.
  RunUntil([&] { return !reader_.asked().empty(); });
  harness_->RunUntilIdle();
  reader_.Release();
  RunUntil([&] { return Done(a)() && Done(b)() && Done(beside)(); });
  const int64_t read = reader_.asked_bytes();
  for (const SchedulerHarness::Submitted* const submitted : {&a, &b}) {
    const RequestResidency residency = *submitted->observer->answer().finished->residency;
    EXPECT_EQ(residency.residency, ResidencyClass::kCold);
    EXPECT_EQ(residency.storage_bytes_read, read);
    EXPECT_EQ(residency.mapped_before, 0.0);
    EXPECT_GE(residency.major_faults, 5);
    EXPECT_EQ(submitted->observer->first_token()->residency.storage_bytes_read, read);
  }
  const RequestResidency beside_residency = *beside.observer->answer().finished->residency;
  EXPECT_EQ(beside_residency.residency, ResidencyClass::kWarm);
  EXPECT_EQ(beside_residency.storage_bytes_read, 0);
  const SchedulerHarness::Submitted later = harness_->Submit(model, Request());
  RunUntil(Done(later));
  const RequestResidency later_residency = *later.observer->answer().finished->residency;
  EXPECT_EQ(later_residency.residency, ResidencyClass::kWarm);
  EXPECT_EQ(later_residency.storage_bytes_read, 0);
  EXPECT_EQ(later_residency.mapped_before, 1.0);
  EXPECT_EQ(model->residency()->costs().storage_bytes, read);
}

TEST_F(WeightGateTest, FromThePageCacheItIsMappedAndNotCold) {
  Create();
  const std::shared_ptr<Model> model = Load();
  reader_.SetFromStorage(false);
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request());
  RunUntil(Done(submitted));
  EXPECT_EQ(submitted.observer->answer().finished->residency->residency, ResidencyClass::kMapped);
}

TEST_F(WeightGateTest, ARequestThatHadNoFirstTokenHasNoResidency) {
  Create();
  const std::shared_ptr<Model> model = Load();
  reader_.Hold(FileOf(*model));
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request());
  RunUntil([&] { return !reader_.asked().empty(); });
  harness_->scheduler().EndRequests(model.get(), FinishReason::kModelUnloaded);
  ASSERT_TRUE(submitted.observer->answer().finished.has_value());
  EXPECT_FALSE(submitted.observer->answer().finished->residency.has_value());
}

}  // namespace
}  // namespace firstlight
