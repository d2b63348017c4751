// What requests are answered: tokens, log-probabilities, and what their options make of them.

#include "engine/scheduling/scheduler.h"

#include <cmath>
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

TEST(SchedulerTest, StopTokensAndMinimum) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  GenerationRequest request = GreedyRequest(golden, 40);
  request.stopping.stop_token_ids = {golden.greedy[5]};
  ASSERT_EQ(std::count(golden.greedy.begin(), golden.greedy.begin() + 5, golden.greedy[5]), 0);
  const SchedulerHarness::Submitted stopped = harness.Submit(model, request);
  request.stopping.min_tokens = 8;
  const SchedulerHarness::Submitted suppressed = harness.Submit(model, request);
  harness.RunUntilIdle();
  const RecordingObserver::Answer answer = stopped.observer->answer();
  EXPECT_EQ(answer.ids, First(golden.greedy, 6));
  EXPECT_EQ(answer.finished->reason, FinishReason::kStopSequence);
  EXPECT_EQ(answer.finished->stop_token_id, golden.greedy[5]);
  const std::vector<int32_t> ids = suppressed.observer->answer().ids;
  EXPECT_GE(ids.size(), 8U);
  EXPECT_EQ(std::count(ids.begin(), ids.begin() + 8, golden.greedy[5]), 0);
}

TEST(SchedulerTest, LogprobsAreOfTheRawLogits) {
  SchedulerHarness harness({});
  const Golden golden = ReadGolden(kGolden);
  GenerationRequest request = GreedyRequest(golden, 12);
  request.output.logprobs = true;
  request.output.top_logprobs = 4;
  request.sampling.logit_bias = {{golden.greedy[0], 3.0}};
  const SchedulerHarness::Submitted submitted = harness.Submit(harness.Load(golden), request);
  harness.RunUntilIdle();
  const RecordingObserver::Answer answer = submitted.observer->answer();
  const size_t vocabulary = golden.greedy_logits.size() / golden.greedy.size();
  ASSERT_EQ(answer.ids[0], golden.greedy[0]);
  double sum = 0;
  for (size_t id = 0; id < vocabulary; ++id) {
    sum += std::exp(double{golden.greedy_logits[id]});
  }
  const double expected = golden.greedy_logits[golden.greedy[0]] - std::log(sum);
  // The logits themselves are equal to transformers' within sqrt(1e-6) of their spread.
  EXPECT_NEAR(*answer.tokens[0].logprob, expected, 1e-3);
  ASSERT_THAT(answer.tokens[0].top, SizeIs(4));
  EXPECT_EQ(answer.tokens[0].top[0].id, golden.greedy[0]);
  EXPECT_EQ(answer.tokens[0].top[0].logprob, *answer.tokens[0].logprob);
  EXPECT_GT(answer.tokens[0].top[0].logprob, answer.tokens[0].top[1].logprob);
}

// Each against the logprob that the model gives the token where it answers with it: the prompt's
// tokens forced one by one out of a request for one token.
TEST(SchedulerTest, PromptLogprobsAreThoseOfAnswersWithTheSameTokens) {
  const Golden golden = ReadGolden(kGolden);
  std::vector<GeneratedToken> expected;
  {
    SchedulerHarness harness({});
    const std::shared_ptr<Model> model = harness.Load(golden);
    for (size_t length = 1; length < golden.prompt.size(); ++length) {
      GenerationRequest request = GreedyRequest(golden, 1);
      std::get<std::vector<int32_t>>(request.input).resize(length);
      request.sampling.allowed_token_ids = {golden.prompt[length]};
      request.output = {.logprobs = true, .top_logprobs = 3};
      const SchedulerHarness::Submitted one = harness.Submit(model, std::move(request));
      harness.RunUntilIdle();
      ASSERT_EQ(one.observer->answer().ids, std::vector<int32_t>{golden.prompt[length]});
      expected.push_back(one.observer->answer().tokens.front());
    }
  }
  for (const int64_t step_tokens : {512, 20, 3}) {
    SchedulerHarness harness({.step_tokens = step_tokens});
    const std::shared_ptr<Model> model = harness.Load(golden);
    GenerationRequest request = GreedyRequest(golden, 12);
    request.num_sequences = 2;
    request.output = {.prompt_logprobs = true, .top_logprobs = 3};
    const SchedulerHarness::Submitted described = harness.Submit(model, request);
    const SchedulerHarness::Submitted plain = harness.Submit(model, GreedyRequest(golden, 12));
    harness.RunUntilIdle();
    EXPECT_EQ(described.observer->disorder(), "");
    EXPECT_EQ(described.observer->answer(0).ids, First(golden.greedy, 12));
    EXPECT_EQ(described.observer->answer(1).ids, First(golden.greedy, 12));
    EXPECT_FALSE(described.observer->answer().tokens.front().logprob.has_value());
    EXPECT_THAT(plain.observer->prompt(), SizeIs(0));
    const std::vector<GeneratedToken> prompt = described.observer->prompt();
    ASSERT_EQ(prompt.size(), golden.prompt.size());
    EXPECT_EQ(prompt[0].id, golden.prompt[0]);
    EXPECT_FALSE(prompt[0].logprob.has_value());
    for (size_t i = 1; i < prompt.size(); ++i) {
      EXPECT_EQ(prompt[i].id, golden.prompt[i]);
      EXPECT_EQ(prompt[i].logprob, expected[i - 1].logprob) << i;  // to the bit
      ASSERT_THAT(prompt[i].top, SizeIs(3));
      EXPECT_EQ(prompt[i].top[2].id, expected[i - 1].top[2].id);
      EXPECT_EQ(prompt[i].top[2].logprob, expected[i - 1].top[2].logprob);
    }
  }
}

// A prompt that gives way half-way is not described twice, and one that fills the context is
// described although nothing can be generated.
TEST(SchedulerTest, EveryTokenOfAPromptIsDescribedOnce) {
  const Golden golden = ReadGolden(kGolden);
  const auto length = static_cast<int64_t>(golden.prompt.size());
  SchedulerHarness sizing({});
  const int64_t block = sizing.Load(golden)->cache().block_bytes();
  SchedulerHarness harness({.kv_cache_bytes = BlocksFor(length + 5) * block, .step_tokens = 4});
  const std::shared_ptr<Model> model = harness.Load(golden, length);
  GenerationRequest request = GreedyRequest(golden, 5);
  request.output.prompt_logprobs = true;
  const SchedulerHarness::Submitted full = harness.Submit(model, std::move(request));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(harness.scheduler().Step());
  const size_t described = full.observer->prompt().size();
  EXPECT_GT(described, 0U);
  EXPECT_LT(described, golden.prompt.size());
  // Its reader stops, and another request needs the blocks that it holds.
  full.observer->SetHasRoom(false);
  const SchedulerHarness::Submitted other =
      harness.Submit(harness.Load(golden), GreedyRequest(golden, 5));
  harness.RunUntilIdle();
  EXPECT_EQ(other.observer->answer().ids, First(golden.greedy, 5));
  EXPECT_EQ(full.observer->prompt().size(), described);
  full.observer->SetHasRoom(true);
  harness.scheduler().Resume(full.id);
  harness.RunUntilIdle();
  const std::vector<GeneratedToken> prompt = full.observer->prompt();
  ASSERT_EQ(prompt.size(), golden.prompt.size());
  for (size_t i = 0; i < prompt.size(); ++i) EXPECT_EQ(prompt[i].id, golden.prompt[i]);
  EXPECT_EQ(full.observer->answer().finished->reason, FinishReason::kContextLimit);
  EXPECT_EQ(full.observer->tokens(), 0);
  EXPECT_EQ(*full.observer->status(), absl::OkStatus());
  EXPECT_EQ(harness.pool().used_bytes(), 0);
}

TEST(SchedulerTest, BadWordsAndAllowedTokens) {
  const Golden golden = ReadGolden(kGolden);
  SchedulerHarness harness({});
  const std::shared_ptr<Model> model = harness.Load(golden);
  const std::vector<int32_t> greedy = First(golden.greedy, 3);
  GenerationRequest request = GreedyRequest(golden, 3);
  // Over the seam between prompt and answer, and one that the answer is the beginning of.
  request.sampling.bad_word_token_ids = {{golden.prompt.back(), greedy[0]}};
  const SchedulerHarness::Submitted other = harness.Submit(model, request);
  request.sampling.bad_word_token_ids = {{greedy[0], greedy[1]}, {1, 2, 3}};
  const SchedulerHarness::Submitted second = harness.Submit(model, request);
  request = GreedyRequest(golden, 3);
  request.sampling.allowed_token_ids = {11, 12};
  const SchedulerHarness::Submitted allowed = harness.Submit(model, request);
  request.sampling.bad_word_token_ids = {{11}, {12}};
  const SchedulerHarness::Submitted nothing_left = harness.Submit(model, request);
  harness.RunUntilIdle();
  EXPECT_NE(other.observer->answer().ids[0], greedy[0]);
  EXPECT_EQ(second.observer->answer().ids[0], greedy[0]);
  EXPECT_NE(second.observer->answer().ids[1], greedy[1]);
  ASSERT_THAT(allowed.observer->answer().ids, SizeIs(3));
  for (const int32_t id : allowed.observer->answer().ids) EXPECT_TRUE(id == 11 || id == 12);
  EXPECT_TRUE(absl::IsInvalidArgument(*nothing_left.observer->status()));
  EXPECT_THAT(std::string(nothing_left.observer->status()->message()),
              HasSubstr("sampling.allowed_token_ids"));
}

// Sixteen answers to a prompt of many blocks cost its blocks once, and one or two each.
TEST(SchedulerTest, ASeedReproducesARequestWhateverElseRuns) {
  const Golden golden = ReadGolden(kGolden);
  GenerationRequest seeded = GreedyRequest(golden, 24);
  seeded.num_sequences = 3;
  seeded.sampling.temperature = 1.3;
  seeded.sampling.top_p = 0.97;
  seeded.sampling.repetition_penalty = 1.1;
  seeded.sampling.bad_word_token_ids = {{5, 6}};
  seeded.sampling.seed = 1234;
  std::vector<std::vector<int32_t>> expected;
  {
    SchedulerHarness harness({});
    const SchedulerHarness::Submitted alone = harness.Submit(harness.Load(golden), seeded);
    harness.RunUntilIdle();
    for (int64_t i = 0; i < 3; ++i) expected.push_back(alone.observer->answer(i).ids);
  }
  EXPECT_NE(expected[0], expected[1]);
  for (const int64_t step_tokens : {2, 7, 512}) {
    SchedulerHarness sizing({});
    const int64_t block = sizing.Load(golden)->cache().block_bytes();
    const auto length = static_cast<int64_t>(golden.prompt.size()) + 24;
    SchedulerHarness harness(
        {.kv_cache_bytes = (2 * BlocksFor(length) + 1) * block, .step_tokens = step_tokens});
    const std::shared_ptr<Model> model = harness.Load(golden);
    std::vector<SchedulerHarness::Submitted> crowd;
    GenerationRequest other = seeded;
    other.num_sequences = 2;
    for (uint64_t i = 0; i < 3; ++i) {
      other.sampling.seed = i;
      crowd.push_back(harness.Submit(model, other));
      ASSERT_TRUE(harness.scheduler().Step());
    }
    const SchedulerHarness::Submitted again = harness.Submit(model, seeded);
    for (int i = 0; i < 5; ++i) harness.scheduler().Step();
    crowd.push_back(harness.Submit(model, other));
    harness.RunUntilIdle();
    for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(again.observer->answer(i).ids, expected[i]);
  }
}

TEST(SchedulerTest, EchoAndSequencesWithoutTokenizer) {
  SchedulerHarness harness({.step_tokens = 8});
  const Golden golden = ReadGolden(kGolden);
  const std::shared_ptr<Model> model = harness.Load(golden);
  GenerationRequest request = GreedyRequest(golden, 12);
  request.sampling.temperature = 1;
  request.sampling.seed = 4;
  const SchedulerHarness::Submitted alone = harness.Submit(model, request);
  harness.RunUntilIdle();

  request.num_sequences = 4;
  const SchedulerHarness::Submitted together = harness.Submit(model, request);
  const int64_t chunks = (static_cast<int64_t>(golden.prompt.size()) + 7) / 8;
  for (int64_t i = 0; i < chunks; ++i) {
    EXPECT_EQ(together.observer->tokens(), 0);
    ASSERT_TRUE(harness.scheduler().Step());
  }
  EXPECT_EQ(together.observer->tokens(), 4);  // one prefill for all of them
  EXPECT_EQ(harness.RunUntilIdle(), 11);      // a token of each in every step
  EXPECT_EQ(together.observer->answer(0).ids, alone.observer->answer().ids);
  EXPECT_NE(together.observer->answer(1).ids, together.observer->answer(0).ids);
  EXPECT_NE(together.observer->answer(2).ids, together.observer->answer(1).ids);
  for (int64_t index = 0; index < 4; ++index) {
    EXPECT_EQ(together.observer->answer(index).finished->usage.generated_tokens, 12);
  }

  // As many places as sequences, and then fewer: the same answers.
  SchedulerHarness narrow({.max_sequences = 2});
  const SchedulerHarness::Submitted again = narrow.Submit(narrow.Load(golden), request);
  narrow.RunUntilIdle();
  for (int64_t index = 0; index < 4; ++index) {
    EXPECT_EQ(again.observer->answer(index).ids, together.observer->answer(index).ids);
  }
}

}  // namespace
}  // namespace firstlight
