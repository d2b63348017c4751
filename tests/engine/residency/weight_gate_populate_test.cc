// Weights that are brought into memory, locked there, and given back.

#include "engine/residency/weight_gate.h"

#include <optional>

#include "gmock/gmock.h"
#include "tests/engine/residency/weight_gate_harness.h"

namespace firstlight {
namespace {

using testing::ElementsAre;

TEST_F(WeightGateTest, PopulateBringsEverythingAndTheNextRequestIsWarm) {
  Create();
  const std::shared_ptr<Model> model = Load();
  std::optional<absl::Status> done;
  int64_t populated = 0;
  int64_t total = 0;
  gate_->Populate(model,
                  {.background = true,
                   .on_progress =
                       [&](int64_t bytes, int64_t of) {
                         populated = bytes;
                         total = of;
                       }},
                  [&](const absl::Status& status) { done = status; });
  RunUntil([&] { return done.has_value(); });
  EXPECT_EQ(*done, absl::OkStatus());
  EXPECT_EQ(populated, model->residency()->plan().all_bytes());
  EXPECT_EQ(total, populated);
  EXPECT_THAT(AskedStages(*model), ElementsAre(0, 1, 2, kHead, -1));
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request());
  RunUntil(Done(submitted));
  EXPECT_EQ(reader_.asked().size(), 5u);
  EXPECT_EQ(submitted.observer->answer().finished->residency->residency, ResidencyClass::kWarm);
}

TEST_F(WeightGateTest, PopulateEndsWithItsModelWithItsCancellationAndWithDamage) {
  Create();
  std::shared_ptr<Model> model = Load();
  std::optional<absl::Status> done;
  const auto populate = [&] {
    done.reset();
    gate_->Populate(model, {}, [&](const absl::Status& status) { done = status; });
  };
  reader_.Hold(FileOf(*model));
  populate();
  gate_->CancelPopulate(0);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->code(), absl::StatusCode::kCancelled);

  reader_.Release();
  reader_.Fail(absl::DataLossError("model.safetensors: gone"));
  populate();
  RunUntil([&] { return done.has_value(); });
  EXPECT_EQ(done->code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(damage_.has_value());

  reader_.Fail(absl::OkStatus());
  reader_.Hold(FileOf(*model));
  populate();
  model.reset();
  RunUntil([&] { return done.has_value(); });
  EXPECT_EQ(done->code(), absl::StatusCode::kCancelled);

  reader_.Release();
  model = Load();
  reader_.Hold(FileOf(*model));
  populate();
  // Nobody runs the engine's thread any more.
  model.reset();
  reader_.Release();
  harness_.reset();
  gate_.reset();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->code(), absl::StatusCode::kCancelled);
}

TEST_F(WeightGateTest, OneOfTwoPopulatesIsCancelledAndTheOtherGoesOn) {
  Create();
  const std::shared_ptr<Model> model = Load();
  std::optional<absl::Status> first;
  std::optional<absl::Status> second;
  reader_.Hold(FileOf(*model));
  gate_->Populate(model, {.id = 1}, [&](const absl::Status& status) { first = status; });
  gate_->Populate(model, {.id = 2}, [&](const absl::Status& status) { second = status; });
  gate_->CancelPopulate(1);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(second.has_value());
  reader_.Release();
  RunUntil([&] { return second.has_value(); });
  EXPECT_EQ(*second, absl::OkStatus());
}

TEST_F(WeightGateTest, AParkedModelIsColdAlsoForRequestsUnderWay) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  GenerationRequest request = Request();
  request.stopping.max_tokens = 50;
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, request);
  RunUntil([&] { return submitted.observer->tokens() == 1; });
  const size_t asked = reader_.asked().size();
  bool parked = false;
  gate_->Park(model, [&] { parked = true; });
  RunUntil([&] { return parked && Done(submitted)(); });
  {
    MutexLock lock(&mutex_);
    EXPECT_EQ(releases_, 1);
  }
  EXPECT_EQ(TokensOf(*submitted.observer), Expected(directories_.front()->path(), request));
  EXPECT_GT(reader_.asked().size(), asked);
}

TEST_F(WeightGateTest, ParkingOneModelHoldsUpNoOther) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  const std::shared_ptr<Model> other = Load(/*tied=*/true);
  HoldReleases(true);
  bool parked = false;
  gate_->Park(model, [&] { parked = true; });
  RunUntil(Done(harness_->Submit(other, Request())));
  EXPECT_FALSE(parked);
  HoldReleases(false);
  RunUntil([&] { return parked; });
}

TEST_F(WeightGateTest, PopulatingAModelBringsEveryExpert) {
  Create();
  const std::shared_ptr<Model> model = LoadMixture();
  std::optional<absl::Status> done;
  gate_->Populate(model, {}, [&](const absl::Status& status) { done = status; });
  RunUntil([&] { return done.has_value(); });
  EXPECT_EQ(*done, absl::OkStatus());
  for (int32_t expert = 0; expert < kExperts; ++expert) {
    EXPECT_TRUE(AskedFor(*model, 1, expert)) << expert;
  }
  const size_t asked = reader_.asked().size();
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(reader_.asked().size(), asked);
}

TEST_F(WeightGateTest, BeyondTheLimitNothingIsPinnedAndTheReasonIsTold) {
  Create();
  const std::shared_ptr<Model> model = Load();
  std::optional<absl::Status> done;
  gate_->Pin(model, [&](const absl::Status& status) { done = status; });
  RunUntil([&] { return done.has_value(); });
  EXPECT_EQ(done->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pin_limit_.pinned_bytes(), 0);
}

}  // namespace
}  // namespace firstlight
