// Which sequence runs when, and what it holds.

#include "engine/scheduling/scheduler.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "tests/engine/golden.h"
#include "tests/engine/scheduling/scheduler_harness.h"

namespace firstlight {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const char kGolden[] = "llama-tied";
const char kOtherGolden[] = "llama-untied-mha";

TEST(SchedulerTest, ChunksOfAPromptShareThePassWithDecodeRows) {
  SchedulerHarness harness({.step_tokens = 5});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  const SchedulerHarness::Submitted first = harness.Submit(model, GreedyRequest(golden, 40));
  const int64_t chunks = (static_cast<int64_t>(golden.prompt.size()) + 4) / 5;
  for (int64_t i = 0; i < chunks; ++i) {
    EXPECT_EQ(first.observer->tokens(), 0);
    ASSERT_TRUE(harness.scheduler().Step());
  }
  EXPECT_EQ(first.observer->tokens(), 1);
  const SchedulerHarness::Submitted second = harness.Submit(model, GreedyRequest(golden, 40));
  int64_t steps = 0;
  for (; second.observer->tokens() == 0; ++steps) {
    ASSERT_TRUE(harness.scheduler().Step());
    EXPECT_EQ(first.observer->tokens(), 2 + steps);  // a token a step beside the prompt
  }
  EXPECT_EQ(steps, (static_cast<int64_t>(golden.prompt.size()) + 3) / 4);
  harness.RunUntilIdle();
  EXPECT_EQ(first.observer->answer().ids, First(golden.greedy, 40));
  EXPECT_EQ(second.observer->answer().ids, First(golden.greedy, 40));
  EXPECT_EQ(harness.ended_sequences(), 2);
}

TEST(SchedulerTest, APromptGoesOnBesideMoreDecodeRowsThanAStepHas) {
  SchedulerHarness harness({.step_tokens = 2});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  GenerationRequest many = GreedyRequest(golden, 60);
  many.num_sequences = 3;
  const SchedulerHarness::Submitted decoding = harness.Submit(model, std::move(many));
  while (decoding.observer->tokens() == 0) {
    ASSERT_TRUE(harness.scheduler().Step());
  }
  const SchedulerHarness::Submitted late = harness.Submit(model, GreedyRequest(golden, 10));
  for (size_t i = 0; i < golden.prompt.size(); ++i) {
    EXPECT_EQ(late.observer->tokens(), 0);
    ASSERT_TRUE(harness.scheduler().Step());
  }
  EXPECT_EQ(late.observer->tokens(), 1);
  EXPECT_FALSE(decoding.observer->status().has_value());  // still at it
  harness.RunUntilIdle();
  EXPECT_EQ(late.observer->answer().ids, First(golden.greedy, 10));
  EXPECT_EQ(decoding.observer->answer(2).ids, First(golden.greedy, 60));
}

TEST(SchedulerTest, AStepThatThereIsNoMemoryForEndsItsRequestsAlone) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const Golden other = ReadGolden(kOtherGolden);
  const std::shared_ptr<Model> small =
      harness.Load(golden, std::nullopt, /*max_activation_bytes=*/540 << 10);
  const SchedulerHarness::Submitted beside =
      harness.Submit(harness.Load(other), GreedyRequest(other, 20));
  const SchedulerHarness::Submitted refused = harness.Submit(small, GreedyRequest(golden, 10));
  GenerationRequest one_token = GreedyRequest(golden, 10);
  std::get<std::vector<int32_t>>(one_token.input).resize(1);
  harness.RunUntilIdle();
  ASSERT_TRUE(refused.observer->status().has_value());
  EXPECT_TRUE(absl::IsResourceExhausted(*refused.observer->status()));
  EXPECT_THAT(std::string(refused.observer->status()->message()), HasSubstr("activations"));
  EXPECT_EQ(beside.observer->answer().ids, First(other.greedy, 20));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  // What fits is served.
  const SchedulerHarness::Submitted served = harness.Submit(small, std::move(one_token));
  harness.RunUntilIdle();
  EXPECT_EQ(*served.observer->status(), absl::OkStatus());
  EXPECT_EQ(served.observer->tokens(), 10);
}

TEST(SchedulerTest, ModelsTakeTurns) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const Golden other = ReadGolden(kOtherGolden);
  const SchedulerHarness::Submitted a =
      harness.Submit(harness.Load(golden), GreedyRequest(golden, 20));
  const SchedulerHarness::Submitted b =
      harness.Submit(harness.Load(other), GreedyRequest(other, 20));
  const SchedulerHarness::Submitted c =
      harness.Submit(harness.Load(other), GreedyRequest(other, 20));
  for (int64_t round = 1; round <= 20; ++round) {
    for (int turn = 0; turn < 3; ++turn) {
      ASSERT_TRUE(harness.scheduler().Step());
    }
    for (const SchedulerHarness::Submitted* one : {&a, &b, &c}) {
      EXPECT_EQ(one->observer->tokens(), round);
    }
  }
  EXPECT_FALSE(harness.scheduler().Step());
  EXPECT_TRUE(harness.scheduler().idle());
}

TEST(SchedulerTest, APassAtAClosedGateGivesTheWorkersAway) {
  FakeGate gate;
  SchedulerHarness harness({.gate = &gate});
  const Golden golden = ReadGolden(kGolden);
  const Golden other = ReadGolden(kOtherGolden);
  const std::shared_ptr<Model> cold = harness.Load(golden);
  const std::shared_ptr<Model> warm = harness.Load(other);
  const SchedulerHarness::Submitted waiting = harness.Submit(cold, GreedyRequest(golden, 10));
  for (int64_t layer = -1; layer <= cold->spec().num_hidden_layers; ++layer) {
    gate.Close(cold.get(), layer);
  }
  EXPECT_FALSE(harness.scheduler().Step());  // nothing to spin on
  for (int64_t layer = -1; layer <= cold->spec().num_hidden_layers; ++layer) {
    gate.Open(cold.get(), layer);
    const SchedulerHarness::Submitted beside = harness.Submit(warm, GreedyRequest(other, 10));
    harness.RunUntilIdle();
    EXPECT_EQ(beside.observer->answer().ids, First(other.greedy, 10));
    if (layer < cold->spec().num_hidden_layers) {
      EXPECT_EQ(waiting.observer->tokens(), 0);
      EXPECT_FALSE(harness.scheduler().Step());
    }
  }
  EXPECT_EQ(waiting.observer->answer().ids, First(golden.greedy, 10));
}

TEST(SchedulerTest, CancelAtAClosedGateFreesTheBlocks) {
  FakeGate gate;
  SchedulerHarness harness({.gate = &gate});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  gate.Close(model.get(), 1);
  const SchedulerHarness::Submitted a = harness.Submit(model, GreedyRequest(golden, 10));
  const SchedulerHarness::Submitted b = harness.Submit(model, GreedyRequest(golden, 10));
  harness.RunUntilIdle();
  harness.scheduler().Cancel(a.id, absl::CancelledError("gone"));
  EXPECT_EQ(a.observer->status(), absl::CancelledError("gone"));
  EXPECT_GT(harness.pool().used_bytes(), 0);  // b still needs the pass
  harness.scheduler().Cancel(b.id, absl::CancelledError("gone"));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  EXPECT_TRUE(harness.scheduler().idle());
}

TEST(SchedulerTest, CancelInQueuePrefillAndDecode) {
  SchedulerHarness harness({.max_sequences = 1, .step_tokens = 4});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  const SchedulerHarness::Submitted prefilling = harness.Submit(model, GreedyRequest(golden, 40));
  const SchedulerHarness::Submitted queued = harness.Submit(model, GreedyRequest(golden, 40));
  const SchedulerHarness::Submitted tokenizing =
      harness.SubmitUntokenized(model, GreedyRequest(golden, 40));
  harness.scheduler().Step();
  for (const SchedulerHarness::Submitted* request : {&tokenizing, &queued, &prefilling}) {
    harness.scheduler().Cancel(request->id, absl::CancelledError("gone"));
    EXPECT_EQ(request->observer->status(), absl::CancelledError("gone"));
    harness.scheduler().Cancel(request->id, absl::CancelledError("twice"));
  }
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  TokenizedPrompt too_late;
  too_late.ids = golden.prompt;
  harness.scheduler().SetPrompt(tokenizing.id, too_late);

  const SchedulerHarness::Submitted decoding = harness.Submit(model, GreedyRequest(golden, 40));
  while (decoding.observer->tokens() < 3) {
    ASSERT_TRUE(harness.scheduler().Step());
  }
  harness.scheduler().Cancel(decoding.id, absl::CancelledError("gone"));
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  EXPECT_EQ(decoding.observer->disorder(), "");
  EXPECT_EQ(harness.ended_sequences(), 4);
  EXPECT_FALSE(harness.scheduler().Step());
}

TEST(SchedulerTest, TimesAreExact) {
  SchedulerHarness harness({.max_sequences = 1, .step_tokens = 10});
  const Golden golden = ReadGolden(kGolden);
  ASSERT_THAT(golden.prompt, SizeIs(24));  // three chunks
  const SchedulerHarness::Submitted request =
      harness.Submit(harness.Load(golden), GreedyRequest(golden, 3));
  harness.clock().Advance(absl::Seconds(7));
  const auto step = [&harness](absl::Duration duration) {
    harness.clock().Advance(duration);
    ASSERT_TRUE(harness.scheduler().Step());
  };
  step(absl::ZeroDuration());  // starts at 7 s
  step(absl::Seconds(2));
  step(absl::Seconds(2));  // ends the prompt at 11 s
  step(absl::Seconds(1));
  step(absl::Seconds(3));
  const RecordingObserver::Answer answer = request.observer->answer();
  ASSERT_TRUE(answer.finished.has_value());
  EXPECT_EQ(answer.finished->timings.queue, absl::Seconds(7));
  EXPECT_EQ(answer.finished->timings.prefill, absl::Seconds(4));
  EXPECT_EQ(answer.finished->timings.time_to_first_token, absl::Seconds(11));
  EXPECT_EQ(answer.finished->timings.decode, absl::Seconds(4));
  EXPECT_EQ(answer.finished->timings.total, absl::Seconds(15));
}

TEST(SchedulerTest, DeadlineFailsAndTimeLimitKeeps) {
  SchedulerHarness harness({.max_sequences = 1});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  GenerationRequest limited = GreedyRequest(golden, 40);
  limited.stopping.time_limit = absl::Seconds(10);
  const SchedulerHarness::Submitted running = harness.Submit(model, limited);
  const SchedulerHarness::Submitted limited_in_queue = harness.Submit(model, limited);
  const SchedulerHarness::Submitted limited_in_tokenizer =
      harness.SubmitUntokenized(model, limited);
  GenerationRequest hurried = GreedyRequest(golden, 40);
  hurried.deadline = harness.clock().Now() + absl::Seconds(5);
  const SchedulerHarness::Submitted late_in_queue = harness.Submit(model, hurried);
  const SchedulerHarness::Submitted late_in_tokenizer = harness.SubmitUntokenized(model, hurried);
  for (int i = 0; i < 4; ++i) {
    harness.scheduler().Step();
  }
  EXPECT_EQ(harness.scheduler().NextDeadline(), hurried.deadline);
  harness.clock().Advance(absl::Seconds(5));
  harness.scheduler().Step();
  EXPECT_EQ(late_in_queue.observer->status()->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late_in_tokenizer.observer->status()->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(running.observer->status().has_value());
  harness.clock().Advance(absl::Seconds(5));
  EXPECT_FALSE(harness.scheduler().Step());
  for (const SchedulerHarness::Submitted* request :
       {&running, &limited_in_queue, &limited_in_tokenizer}) {
    EXPECT_EQ(request->observer->status(), absl::OkStatus());
    ASSERT_TRUE(request->observer->answer().finished.has_value());
    EXPECT_EQ(request->observer->answer().finished->reason, FinishReason::kTimeLimit);
    EXPECT_EQ(request->observer->disorder(), "");
  }
  EXPECT_EQ(running.observer->answer().ids, First(golden.greedy, 5));
  EXPECT_EQ(harness.scheduler().NextDeadline(), absl::InfiniteFuture());
}

TEST(SchedulerTest, ContextLimit) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden, golden.prompt.size() + 5);
  const SchedulerHarness::Submitted clamped = harness.Submit(model, GreedyRequest(golden, 40));
  const SchedulerHarness::Submitted exact = harness.Submit(model, GreedyRequest(golden, 5));
  GenerationRequest full = GreedyRequest(golden, 40);
  std::get<std::vector<int32_t>>(full.input).resize(golden.prompt.size() + 5, 1);
  const SchedulerHarness::Submitted no_room = harness.Submit(model, full);
  std::get<std::vector<int32_t>>(full.input).push_back(1);
  const SchedulerHarness::Submitted too_long = harness.Submit(model, full);
  harness.RunUntilIdle();
  EXPECT_EQ(clamped.observer->answer().ids, First(golden.greedy, 5));
  EXPECT_EQ(clamped.observer->answer().finished->reason, FinishReason::kContextLimit);
  EXPECT_EQ(exact.observer->answer().finished->reason, FinishReason::kMaxTokens);
  EXPECT_EQ(no_room.observer->answer().finished->reason, FinishReason::kContextLimit);
  EXPECT_EQ(no_room.observer->answer().finished->usage.generated_tokens, 0);
  EXPECT_THAT(std::string(too_long.observer->status()->message()),
              HasSubstr("expected at most 29 tokens (the context length), found 30"));
}

TEST(SchedulerTest, SequencesShareTheBlocksOfTheirPrompt) {
  const Golden golden = ReadGolden(kGolden);
  SchedulerHarness harness({});
  const std::shared_ptr<Model> model = harness.Load(golden);
  const int64_t block = model->cache().block_bytes();
  for (const int64_t blocks : {3, 4}) {
    GenerationRequest request = GreedyRequest(golden, 4);
    auto& prompt = std::get<std::vector<int32_t>>(request.input);
    while (static_cast<int64_t>(prompt.size()) < blocks * kBlockTokens) prompt.push_back(7);
    prompt.resize(blocks * kBlockTokens - (blocks == 4 ? 5 : 0));
    request.sampling.temperature = 1;
    request.sampling.seed = 3;
    const SchedulerHarness::Submitted alone = harness.Submit(model, request);
    harness.RunUntilIdle();
    request.num_sequences = 16;
    const SchedulerHarness::Submitted many = harness.Submit(model, request);
    ASSERT_TRUE(harness.scheduler().Step());
    ASSERT_TRUE(harness.scheduler().Step());
    // Three that all share; of four, the last is each sequence's own.
    EXPECT_EQ(harness.pool().used_bytes(), (3 + 16) * block);
    harness.RunUntilIdle();
    EXPECT_EQ(many.observer->answer(0).ids, alone.observer->answer(0).ids);
    EXPECT_EQ(harness.pool().used_bytes(), 0);
  }
}

// A crowd that comes and goes, takes memory and forces sequences to give way, changes nothing in
// what a seed draws.
TEST(SchedulerTest, AReaderWithoutRoomGivesPlaceAndBlocksToOthers) {
  const Golden golden = ReadGolden(kGolden);
  // 24 + 40 positions are 4 blocks: room for one sequence, and a place for one.
  SchedulerHarness probe({});
  const int64_t block_bytes = probe.Load(golden)->cache().block_bytes();
  SchedulerHarness harness({.kv_cache_bytes = 4 * block_bytes, .max_sequences = 1});
  const std::shared_ptr<Model> model = harness.Load(golden);
  const SchedulerHarness::Submitted slow = harness.Submit(model, GreedyRequest(golden, 40));
  slow.observer->LimitTokens(20);
  harness.RunUntilIdle();
  EXPECT_EQ(slow.observer->tokens(), 20);
  EXPECT_EQ(harness.pool().used_bytes(), 3 * block_bytes);  // kept while nobody needs them
  const SchedulerHarness::Submitted fast = harness.Submit(model, GreedyRequest(golden, 40));
  harness.RunUntilIdle();
  EXPECT_EQ(fast.observer->answer().ids, First(golden.greedy, 40));
  EXPECT_EQ(slow.observer->tokens(), 20);
  slow.observer->SetHasRoom(true);
  EXPECT_FALSE(harness.scheduler().Step());  // not asked again before Resume
  harness.scheduler().Resume(slow.id);
  harness.RunUntilIdle();
  EXPECT_EQ(slow.observer->answer().ids, First(golden.greedy, 40));
}

TEST(SchedulerTest, RefusesWhatCouldNeverFit) {
  const Golden golden = ReadGolden(kGolden);
  SchedulerHarness probe({});
  const int64_t block_bytes = probe.Load(golden)->cache().block_bytes();
  SchedulerHarness harness({.kv_cache_bytes = 3 * block_bytes});
  const std::shared_ptr<Model> model = harness.Load(golden);
  const SchedulerHarness::Submitted fits = harness.Submit(model, GreedyRequest(golden, 25));
  const SchedulerHarness::Submitted refused = harness.Submit(model, GreedyRequest(golden, 26));
  harness.RunUntilIdle();
  EXPECT_EQ(fits.observer->answer().ids, First(golden.greedy, 25));
  ASSERT_TRUE(refused.observer->status().has_value());
  EXPECT_EQ(refused.observer->status()->code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.observer->status()->message()),
              HasSubstr("KV cache of 48 positions"));
}

TEST(SchedulerTest, TheYoungestGivesItsBlocksBackAndAnswersTheSame) {
  const Golden golden = ReadGolden(kGolden);
  SchedulerHarness probe({});
  const int64_t block_bytes = probe.Load(golden)->cache().block_bytes();
  // Three sequences of up to 4 blocks, in 7.
  SchedulerHarness harness({.kv_cache_bytes = 7 * block_bytes});
  const std::shared_ptr<Model> model = harness.Load(golden);
  GenerationRequest sampled = GreedyRequest(golden, 40);
  sampled.sampling.temperature = 1.5;
  sampled.sampling.seed = 12;
  sampled.sampling.repetition_penalty = 1.2;
  const SchedulerHarness::Submitted oldest = harness.Submit(model, GreedyRequest(golden, 40));
  const SchedulerHarness::Submitted middle = harness.Submit(model, sampled);
  const SchedulerHarness::Submitted youngest = harness.Submit(model, sampled);
  int64_t most_running = 0;
  bool gave_way = false;
  while (harness.scheduler().Step()) {
    const std::map<const Model*, int64_t> running = harness.scheduler().CountRunning();
    const int64_t count = running.contains(model.get()) ? running.at(model.get()) : 0;
    gave_way = gave_way || (count < most_running && !oldest.observer->status().has_value());
    most_running = std::max(most_running, count);
    EXPECT_LE(harness.pool().used_bytes(), 7 * block_bytes);
  }
  EXPECT_TRUE(gave_way);
  EXPECT_EQ(oldest.observer->answer().ids, First(golden.greedy, 40));

  const SchedulerHarness::Submitted alone = harness.Submit(model, sampled);
  harness.RunUntilIdle();
  EXPECT_EQ(middle.observer->answer().ids, alone.observer->answer().ids);
  EXPECT_EQ(youngest.observer->answer().ids, alone.observer->answer().ids);
}

TEST(SchedulerTest, EndRequestsOfOneModel) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> unloaded = harness.Load(golden);
  const std::shared_ptr<Model> kept = harness.Load(golden);
  GenerationRequest request = GreedyRequest(golden, 10);
  request.num_sequences = 2;
  const SchedulerHarness::Submitted ends = harness.Submit(unloaded, request);
  const SchedulerHarness::Submitted stays = harness.Submit(kept, request);
  harness.scheduler().Step();
  harness.scheduler().Step();
  harness.scheduler().EndRequests(unloaded.get(), FinishReason::kModelUnloaded);
  EXPECT_EQ(ends.observer->status(), absl::OkStatus());
  for (int64_t index = 0; index < 2; ++index) {
    EXPECT_EQ(ends.observer->answer(index).finished->reason, FinishReason::kModelUnloaded);
  }
  EXPECT_EQ(unloaded.use_count(), 1);
  harness.RunUntilIdle();
  EXPECT_EQ(stays.observer->answer(1).ids, First(golden.greedy, 10));
}

TEST(SchedulerTest, AModelWithoutRequestsKeepsNoActivations) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  const SchedulerHarness::Submitted request = harness.Submit(model, GreedyRequest(golden, 3));
  harness.scheduler().Step();
  EXPECT_GT(model->decoder()->activation_bytes(), 0);
  harness.RunUntilIdle();
  EXPECT_EQ(model->decoder()->activation_bytes(), 0);
}

}  // namespace
}  // namespace firstlight
