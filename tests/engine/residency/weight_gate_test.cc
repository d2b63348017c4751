// What a gate fetches and what waits for it.

#include "engine/residency/weight_gate.h"

#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "tests/engine/golden.h"
#include "tests/engine/residency/weight_gate_harness.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(WeightGateTest, AModelWhosePagesAreWithheldWaitsAndAnotherDoesNot) {
  Create();
  // Tied: with the head, the rows of every token are there.
  const std::shared_ptr<Model> cold = Load(/*tied=*/true);
  const std::shared_ptr<Model> warm = Load(/*tied=*/true);
  SetMapped(*warm, 1.0);
  reader_.Hold(FileOf(*cold));
  const GenerationRequest request = Request();
  const std::vector<std::pair<int32_t, double>> expected =
      Expected(directories_.front()->path(), request);
  const SchedulerHarness::Submitted waiting = harness_->Submit(cold, request);
  // The rows, three layers and the head: a piece each.
  for (size_t piece = 1; piece <= 5; ++piece) {
    const SchedulerHarness::Submitted beside = harness_->Submit(warm, request);
    RunUntil([&] { return Done(beside)() && reader_.asked().size() >= piece; });
    EXPECT_EQ(TokensOf(*beside.observer), expected);
    EXPECT_EQ(waiting.observer->tokens(), 0);
    harness_->RunUntilIdle();  // and there is nothing to spin on
    // No stage has run whose piece is still withheld.
    const std::vector<int64_t> asked = AskedStages(*cold);
    for (const int64_t layer : spy_->ran(*cold)) {
      EXPECT_NE(layer, asked.back());
      EXPECT_NE(std::find(asked.begin(), asked.end(), layer), asked.end()) << layer;
    }
    reader_.Permit(1);
  }
  RunUntil(Done(waiting));
  EXPECT_EQ(*waiting.observer->status(), absl::OkStatus());
  EXPECT_EQ(TokensOf(*waiting.observer), expected);
}

TEST_F(WeightGateTest, ReadersGiveWayToModelsThatWaitForNothingAndToNoOthers) {
  const int own = getpriority(PRIO_PROCESS, 0);
  if (own >= 10) GTEST_SKIP() << "this process has a low priority itself";
  Create();
  const std::shared_ptr<Model> cold = Load(/*tied=*/true);
  const std::shared_ptr<Model> warm = Load(/*tied=*/true);
  SetMapped(*warm, 1.0);
  reader_.Hold(FileOf(*cold));
  const SchedulerHarness::Submitted waiting = harness_->Submit(cold, Request());
  RunUntil([&] { return !reader_.asked().empty(); });
  RunUntil(Done(harness_->Submit(warm, Request())));
  reader_.Permit(1);
  RunUntil([&] { return reader_.asked().size() >= 2; });
  EXPECT_EQ(reader_.asked()[0].priority, own);
  EXPECT_EQ(reader_.asked()[1].priority, 10);
  // The next stage of the cold model, which comes once its rows and the layer are there, tells that
  // nobody else has computed.
  clock_.Advance(WeightGate::kGiveWay);
  const size_t ran = spy_->ran(*cold).size();
  while (spy_->ran(*cold).size() == ran) {
    const size_t asked = reader_.asked().size();
    ASSERT_LT(asked, 5u) << "no piece is left to look at";
    reader_.Permit(1);
    RunUntil([&] { return reader_.asked().size() > asked; });
    harness_->RunUntilIdle();
  }
  const size_t asked = reader_.asked().size();
  reader_.Permit(1);
  RunUntil([&] { return reader_.asked().size() > asked; });
  EXPECT_EQ(reader_.asked()[asked].priority, own);
  reader_.Release();
  RunUntil(Done(waiting));
}

TEST_F(WeightGateTest, FetchesOnlyTheRowsOfThePromptThenLayersInOrderThenTheHead) {
  Create();
  const std::shared_ptr<Model> model = Load();
  RunUntil(Done(harness_->Submit(model, Request())));
  std::vector<int64_t> stages = AskedStages(*model);
  // The rows of later tokens come when their step does.
  std::vector<int64_t> layers;
  std::copy_if(stages.begin(), stages.end(), std::back_inserter(layers),
               [](int64_t stage) { return stage >= 0; });
  EXPECT_THAT(layers, ElementsAre(0, 1, 2, kHead));
  std::set<int64_t> pages;
  const auto table =
      model->residency()->plan().embedding().front().bytes.data() - FileOf(*model)->bytes().data();
  const auto observed = reader_.asked();
  const auto rows = std::find_if(observed.begin(), observed.end(),
                                 [&](const auto& asked) { return StageOf(*model, asked) == -1; });
  ASSERT_NE(rows, observed.end());
  for (const auto& [begin, end] : rows->extents) {
    for (int64_t page = begin; page < end; page += 4096) pages.insert(page);
  }
  std::set<int64_t> expected;
  for (const int64_t token : {3, 200, 511}) {
    const int64_t begin = table + token * kShape.hidden_size * 2;
    expected.insert(begin / 4096 * 4096);
    expected.insert((begin + kShape.hidden_size * 2 - 1) / 4096 * 4096);
  }
  EXPECT_EQ(pages, expected);
}

TEST_F(WeightGateTest, WhatIsKnownToBeThereIsNotAskedForAgain) {
  Create();
  const std::shared_ptr<Model> model = Load(/*tied=*/true);
  RunUntil(Done(harness_->Submit(model, Request())));
  const size_t asked = reader_.asked().size();
  EXPECT_EQ(samples(), 1);
  RunUntil(Done(harness_->Submit(model, Request({1, 2}))));
  EXPECT_EQ(reader_.asked().size(), asked);
  EXPECT_EQ(samples(), 1);
}

TEST_F(WeightGateTest, AnEmbeddingRowThatNoPassHasHadIsFetchedForItsPass) {
  Create();
  const std::shared_ptr<Model> model = Load();
  SetMapped(*model, 1.0);
  RunUntil(Done(harness_->Submit(model, Request())));
  const size_t asked = reader_.asked().size();
  EXPECT_GT(asked, 0u);
  for (const int64_t stage : AskedStages(*model)) EXPECT_EQ(stage, -1);
  RunUntil(Done(harness_->Submit(model, Request())));
  EXPECT_EQ(reader_.asked().size(), asked);
}

// Whose rows come with the head, so that nothing but its learned positions is fetched for a pass.
TEST_F(WeightGateTest, WhatIsReadWithTheRowsIsFetchedAgainWhereTheHeadBroughtAllRows) {
  Create();
  const std::shared_ptr<Model> model =
      harness_->Load(ReadGolden("gpt2").checkpoint, PrefetchPolicy::kOnRequest);
  const WeightPlan& plan = model->residency()->plan();
  ASSERT_TRUE(plan.rows_are_of_every_pass());
  ASSERT_EQ(plan.with_embedding().size(), 1U);
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request({3, 20, 51}));
  RunUntil([&] { return submitted.observer->tokens() > 0; });
  const size_t asked = reader_.asked().size();

  // While it is in use a look finds that pages have gone. What every layer reads is there again
  // before its next pass begins.
  clock_.Advance(WeightGate::kRecheck + absl::Seconds(1));
  RunUntil([&] { return reader_.asked().size() > asked; });
  while (!gate_->IsOpen(*model, plan.head_stage())) inbox_.Run(/*wait=*/true);
  RunUntil(Done(submitted));

  const std::byte* const base = FileOf(*model)->bytes().data();
  const ByteRange& positions = plan.with_embedding().front();
  const int64_t begin = positions.bytes.data() - base;
  const int64_t end = begin + static_cast<int64_t>(positions.bytes.size());
  const auto pieces = reader_.asked();
  EXPECT_TRUE(std::any_of(
      pieces.begin() + static_cast<int64_t>(asked), pieces.end(), [&](const auto& piece) {
        return std::any_of(piece.extents.begin(), piece.extents.end(), [&](const auto& extent) {
          return extent.first <= begin && extent.second >= end;
        });
      }));
}

TEST_F(WeightGateTest, ADeadlineWhileWaitingForTheDisk) {
  Create();
  const std::shared_ptr<Model> cold = Load();
  const std::shared_ptr<Model> warm = Load();
  SetMapped(*warm, 1.0);
  reader_.Hold(FileOf(*cold));
  GenerationRequest request = Request();
  request.deadline = harness_->clock().Now() + absl::Seconds(1);
  const SchedulerHarness::Submitted waiting = harness_->Submit(cold, request);
  RunUntil([&] { return !reader_.asked().empty(); });
  EXPECT_GT(harness_->pool().used_bytes(), 0);
  EXPECT_EQ(harness_->scheduler().NextDeadline(), request.deadline);
  harness_->clock().Advance(absl::Seconds(1));
  const SchedulerHarness::Submitted beside = harness_->Submit(warm, Request());
  RunUntil(Done(beside));
  EXPECT_EQ(waiting.observer->status()->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(*beside.observer->status(), absl::OkStatus());
  EXPECT_TRUE(harness_->scheduler().idle());
  EXPECT_EQ(harness_->pool().used_bytes(), 0);
}

TEST_F(WeightGateTest, CancelWhileWaitingFreesEverythingAndStopsTheReading) {
  Create();
  const std::shared_ptr<Model> model = Load();
  reader_.Hold(FileOf(*model));
  const SchedulerHarness::Submitted a = harness_->Submit(model, Request());
  RunUntil([&] { return !reader_.asked().empty(); });
  const SchedulerHarness::Submitted b = harness_->Submit(model, Request());
  harness_->scheduler().Cancel(a.id, absl::CancelledError("gone"));
  EXPECT_FALSE(harness_->scheduler().Step());
  EXPECT_FALSE(b.observer->status().has_value());
  harness_->scheduler().Cancel(b.id, absl::CancelledError("gone"));
  EXPECT_EQ(harness_->pool().used_bytes(), 0);
  EXPECT_EQ(model->decoder()->activation_bytes(), 0);
  EXPECT_TRUE(harness_->scheduler().idle());
  const size_t asked = reader_.asked().size();
  reader_.Release();
  // What is asked for from here on is for this one.
  const SchedulerHarness::Submitted c = harness_->Submit(model, Request());
  RunUntil(Done(c));
  EXPECT_EQ(TokensOf(*c.observer), Expected(directories_.front()->path(), Request()));
  std::vector<int64_t> layers;
  const std::vector<int64_t> stages = AskedStages(*model);
  std::copy_if(stages.begin() + static_cast<int64_t>(asked), stages.end(),
               std::back_inserter(layers), [](int64_t stage) { return stage >= 0; });
  EXPECT_THAT(layers, ElementsAre(0, 1, 2, kHead));
}

// Its pass is dropped in the middle; the one that waited behind it starts over and loses nothing.
TEST_F(WeightGateTest, AnAbandonedPassLeavesTheJobToTheNextOne) {
  Create();
  const std::shared_ptr<Model> model = Load();
  reader_.Hold(FileOf(*model));
  const SchedulerHarness::Submitted a = harness_->Submit(model, Request());
  // Piece by piece, until the rows and the first layer are there.
  spy_->CloseFrom(1);
  const auto first_layer_ran = [&] { return spy_->ran(*model).size() == 2; };
  for (size_t piece = 1; !first_layer_ran(); ++piece) {
    RunUntil([&] { return first_layer_ran() || reader_.asked().size() == piece; });
    if (!first_layer_ran()) reader_.Permit(1);
  }
  spy_->CloseFrom(std::nullopt);
  EXPECT_THAT(spy_->ran(*model), ElementsAre(-1, 0));
  const SchedulerHarness::Submitted b = harness_->Submit(model, Request({7, 8, 9}));
  harness_->scheduler().Cancel(a.id, absl::CancelledError("gone"));
  reader_.Release();
  RunUntil(Done(b));
  EXPECT_EQ(TokensOf(*b.observer), Expected(directories_.front()->path(), Request({7, 8, 9})));
  std::vector<int64_t> layers;
  for (const int64_t stage : AskedStages(*model)) {
    if (stage >= 0) layers.push_back(stage);
  }
  EXPECT_THAT(layers, ElementsAre(0, 1, 2, kHead));  // none twice
}

TEST_F(WeightGateTest, DamageFailsTheRequestsOfItsModelOnly) {
  Create();
  const std::shared_ptr<Model> damaged = Load();
  const std::shared_ptr<Model> sound = Load();
  SetMapped(*sound, 1.0);
  reader_.Hold(FileOf(*damaged));
  const SchedulerHarness::Submitted a = harness_->Submit(damaged, Request());
  const SchedulerHarness::Submitted b = harness_->Submit(damaged, Request());
  const SchedulerHarness::Submitted beside = harness_->Submit(sound, Request());
  RunUntil([&] { return Done(beside)() && !reader_.asked().empty(); });
  reader_.Fail(absl::DataLossError("model.safetensors: expected 10 bytes, found 5"));
  reader_.Release();
  RunUntil([&] { return Done(a)() && Done(b)(); });
  for (const SchedulerHarness::Submitted* const failed : {&a, &b}) {
    EXPECT_EQ(failed->observer->status()->code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(failed->observer->status()->message()), HasSubstr("found 5"));
    EXPECT_EQ(failed->observer->tokens(), 0);
  }
  EXPECT_EQ(*beside.observer->status(), absl::OkStatus());
  EXPECT_TRUE(damage_.has_value());
  EXPECT_EQ(harness_->pool().used_bytes(), 0);
  // Mended, it serves.
  reader_.Fail(absl::OkStatus());
  const SchedulerHarness::Submitted c = harness_->Submit(damaged, Request());
  RunUntil(Done(c));
  EXPECT_EQ(*c.observer->status(), absl::OkStatus());
}

TEST_F(WeightGateTest, ReadsNoFurtherAheadThanItsWindow) {
  // Two layers and a bit.
  Create(/*window_bytes=*/250'000);
  const std::shared_ptr<Model> model = Load();
  const WeightPlan& plan = model->residency()->plan();
  int64_t layer_bytes = 0;
  for (const ByteRange& range : plan.stages()[0]) {
    layer_bytes += static_cast<int64_t>(range.bytes.size());
  }
  ASSERT_GT(250'000, 2 * layer_bytes);
  ASSERT_LT(250'000, 3 * layer_bytes);
  spy_->CloseFrom(0);
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request());
  // The rows and two layers; the third would be beyond.
  RunUntil([&] { return reader_.asked().size() == 3; });
  spy_->CloseFrom(1);
  RunUntil([&] { return spy_->ran(*model).size() == 2 && reader_.asked().size() == 4; });
  EXPECT_LE(reader_.asked_bytes(), 3 * layer_bytes + 20 * 4096);
  spy_->CloseFrom(std::nullopt);
  RunUntil(Done(submitted));
  EXPECT_EQ(TokensOf(*submitted.observer), Expected(directories_.front()->path(), Request()));
}

// A prompt of two chunks: the first one's pass ends without the head, which it has no use for.
TEST_F(WeightGateTest, AChunkThatIsNotTheLastDoesNotWaitForTheHead) {
  Create(int64_t{1} << 30, /*step_tokens=*/2);
  const std::shared_ptr<Model> model = Load();
  spy_->CloseFrom(kHead);
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request({3, 200, 3, 200}));
  RunUntil([&] { return spy_->ran(*model).size() == 8; });
  EXPECT_THAT(spy_->ran(*model), ElementsAre(-1, 0, 1, 2, -1, 0, 1, 2));
  EXPECT_EQ(submitted.observer->tokens(), 0);
  spy_->CloseFrom(std::nullopt);
  RunUntil(Done(submitted));
  EXPECT_EQ(TokensOf(*submitted.observer),
            Expected(directories_.front()->path(), Request({3, 200, 3, 200})));
}

// Of a mixture's experts those that the pass has chosen, and no other; the layer waits for them.
TEST_F(WeightGateTest, OnlyExpertsThatAPassHasChosenAreAskedForAndWaitedFor) {
  Create();
  const std::shared_ptr<Model> model = LoadMixture();
  SetMapped(*model, 1.0);  // but for its experts
  reader_.Hold(FileOf(*model));
  const GenerationRequest request = Request();
  const std::vector<std::pair<int32_t, double>> expected =
      Expected(directories_.back()->path(), request);
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, request);
  // The rows of the prompt, then the experts of the first layer.
  RunUntil([&] { return reader_.asked().size() == 1; });
  reader_.Permit(1);
  RunUntil([&] { return reader_.asked().size() == 2; });
  harness_->RunUntilIdle();
  EXPECT_THAT(spy_->ran(*model), ElementsAre(-1));
  reader_.Release();
  RunUntil(Done(submitted));
  EXPECT_EQ(*submitted.observer->status(), absl::OkStatus());
  EXPECT_EQ(TokensOf(*submitted.observer), expected);

  bool spared = false;
  for (int64_t layer = 0; layer < kShape.num_hidden_layers; ++layer) {
    for (int32_t expert = 0; expert < kExperts; ++expert) {
      const bool chosen = spy_->chosen(*model, layer).contains(expert);
      spared = spared || !chosen;
      EXPECT_EQ(AskedFor(*model, layer, expert), chosen) << layer << ", " << expert;
    }
  }
  EXPECT_TRUE(spared);

  // What one request has brought is there for the next.
  const size_t asked = reader_.asked().size();
  RunUntil(Done(harness_->Submit(model, request)));
  EXPECT_EQ(reader_.asked().size(), asked);
}

}  // namespace
}  // namespace firstlight
