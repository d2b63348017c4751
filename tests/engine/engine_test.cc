#include "engine/engine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "tests/engine/golden.h"
#include "tests/engine/recording_observer.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

constexpr int64_t kMebibyte = int64_t{1} << 20;

class EngineTest : public testing::Test {
 protected:
  void Create(Engine::Options options = {}) {
    options.threads = 2;
    if (options.kv_cache_bytes == 0) {
      options.kv_cache_bytes = 64 * kMebibyte;
    }
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  std::shared_ptr<Model> Load(const Golden& golden, bool build_tokenizer = true) {
    absl::StatusOr<std::unique_ptr<Model>> model =
        engine_->LoadModel(golden.checkpoint, std::nullopt, PrefetchPolicy::kOnRequest);
    EXPECT_TRUE(model.ok()) << model.status();
    if (build_tokenizer) {
      EXPECT_TRUE((*model)->BuildTokenizer().ok());
    }
    return *std::move(model);
  }

  static GenerationRequest RequestFor(const Golden& golden) {
    GenerationRequest request;
    request.input = golden.prompt;
    request.stopping.max_tokens = static_cast<int64_t>(golden.greedy.size());
    request.stopping.ignore_eos = true;
    request.output.token_ids = true;
    return request;
  }

  Engine::RequestId Submit(std::shared_ptr<Model> model, GenerationRequest request,
                           const std::shared_ptr<RecordingObserver>& observer) {
    const absl::StatusOr<Engine::RequestId> id =
        engine_->Submit(std::move(model), std::move(request), observer);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(0);
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, EveryGoldenGreedily) {
  Create();
  for (const std::string& name : GoldenNames()) {
    SCOPED_TRACE(name);
    const Golden golden = ReadGolden(name);
    const auto observer = std::make_shared<RecordingObserver>();
    Submit(Load(golden), RequestFor(golden), observer);
    EXPECT_TRUE(observer->AwaitDone().ok());
    const RecordingObserver::Answer answer = observer->answer();
    EXPECT_EQ(answer.ids, golden.greedy);
    ASSERT_TRUE(answer.finished.has_value());
    EXPECT_EQ(answer.finished->usage.prompt_tokens, static_cast<int64_t>(golden.prompt.size()));
    EXPECT_EQ(answer.finished->usage.generated_tokens, static_cast<int64_t>(golden.greedy.size()));
    EXPECT_EQ(observer->disorder(), "");
  }
  EXPECT_EQ(engine_->kv_cache_used_bytes(), 0);
}

TEST_F(EngineTest, AllGoldensAtOnceBesideEachOther) {
  constexpr int kRepeats = 2;
  Create({.max_queue = kRepeats * static_cast<int64_t>(GoldenNames().size())});
  std::vector<Golden> goldens;
  std::vector<std::shared_ptr<RecordingObserver>> observers;
  for (const std::string& name : GoldenNames()) {
    goldens.push_back(ReadGolden(name));
    const std::shared_ptr<Model> model = Load(goldens.back());
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      observers.push_back(std::make_shared<RecordingObserver>());
      Submit(model, RequestFor(goldens.back()), observers.back());
    }
  }
  for (size_t i = 0; i < observers.size(); ++i) {
    EXPECT_TRUE(observers[i]->AwaitDone().ok());
    EXPECT_EQ(observers[i]->answer().ids, goldens[i / kRepeats].greedy)
        << goldens[i / kRepeats].name;
  }
}

TEST_F(EngineTest, RefusesBadOptionsAtOnce) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  GenerationRequest request = RequestFor(golden);
  request.sampling.top_p = 1.5;
  const absl::Status status =
      engine_->Submit(Load(golden), request, std::make_shared<RecordingObserver>()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "sampling.top_p: expected a number in (0, 1], found 1.5");
  EXPECT_EQ(Engine::Create({}).status().message(), "kv_cache_bytes: expected at least 1, found 0");
}

TEST_F(EngineTest, ErrorsOfThePromptComeThroughTheObserver) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const auto observer = std::make_shared<RecordingObserver>();
  GenerationRequest request = RequestFor(golden);
  request.input = std::vector<int32_t>{1, 1 << 20};
  const std::shared_ptr<Model> model = Load(golden);
  Submit(model, request, observer);
  EXPECT_THAT(std::string(observer->AwaitDone().message()),
              HasSubstr("prompt_token_ids.ids[1]: expected a token id in [0, "));
  EXPECT_FALSE(observer->started().has_value());

  const auto text_observer = std::make_shared<RecordingObserver>();
  request.input = std::string("text");
  Submit(model, request, text_observer);
  EXPECT_EQ(text_observer->AwaitDone().code(), absl::StatusCode::kFailedPrecondition);

  const auto stop_observer = std::make_shared<RecordingObserver>();
  request = RequestFor(golden);
  request.stopping.stop_sequences = {"x"};
  Submit(model, request, stop_observer);
  EXPECT_EQ(stop_observer->AwaitDone().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EngineTest, RefusesMoreThanRunningAndWaiting) {
  Create({.max_sequences = 2, .max_queue = 1});
  const Golden golden = ReadGolden("llama-tied");
  const std::shared_ptr<Model> model = Load(golden, /*build_tokenizer=*/false);
  // They wait for a tokenizer, so none can end.
  std::vector<std::shared_ptr<RecordingObserver>> observers;
  for (int i = 0; i < 3; ++i) {
    observers.push_back(std::make_shared<RecordingObserver>());
    Submit(model, RequestFor(golden), observers.back());
  }
  EXPECT_EQ(engine_->CountSequences(model.get()).waiting, 3);
  const absl::Status status =
      engine_->Submit(model, RequestFor(golden), std::make_shared<RecordingObserver>()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "queue: expected at most 3 sequences under way, found 3 and 1 more");
  EXPECT_TRUE(model->BuildTokenizer().ok());
  for (const auto& observer : observers) {
    EXPECT_TRUE(observer->AwaitDone().ok());
    // A place is free when OnDone is called, so that whoever hears of it can have it.
    EXPECT_LE(engine_->CountSequences(model.get()).waiting, 2);
  }
  const auto next = std::make_shared<RecordingObserver>();
  Submit(model, RequestFor(golden), next);
  EXPECT_TRUE(next->AwaitDone().ok());
  EXPECT_EQ(next->answer().ids, golden.greedy);
}

TEST_F(EngineTest, AModelThatBuildsItsTokenizerHoldsUpNoOther) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const Golden other = ReadGolden("mistral");
  const std::shared_ptr<Model> building = Load(golden, /*build_tokenizer=*/false);
  const auto waiting = std::make_shared<RecordingObserver>();
  const Engine::RequestId id = Submit(building, RequestFor(golden), waiting);
  const auto observer = std::make_shared<RecordingObserver>();
  Submit(Load(other), RequestFor(other), observer);
  EXPECT_TRUE(observer->AwaitDone().ok());
  EXPECT_FALSE(waiting->status().has_value());
  engine_->Cancel(id, absl::CancelledError("client"));
  EXPECT_EQ(waiting->AwaitDone(), absl::CancelledError("client"));
  EXPECT_TRUE(building->BuildTokenizer().ok());
}

TEST_F(EngineTest, DeadlineInTheTokenizer) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const auto observer = std::make_shared<RecordingObserver>();
  GenerationRequest request = RequestFor(golden);
  request.deadline = absl::Now() - absl::Seconds(1);
  Submit(Load(golden, /*build_tokenizer=*/false), request, observer);
  EXPECT_EQ(observer->AwaitDone().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(EngineTest, AReaderThatStopsPausesOnlyItself) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const std::shared_ptr<Model> model = Load(golden);
  const auto slow = std::make_shared<RecordingObserver>();
  slow->LimitTokens(5);
  const Engine::RequestId id = Submit(model, RequestFor(golden), slow);
  slow->AwaitTokens(5);
  const auto fast = std::make_shared<RecordingObserver>();
  Submit(model, RequestFor(golden), fast);
  EXPECT_TRUE(fast->AwaitDone().ok());
  EXPECT_EQ(slow->tokens(), 5);
  slow->SetHasRoom(true);
  engine_->Resume(id);
  EXPECT_TRUE(slow->AwaitDone().ok());
  EXPECT_EQ(slow->answer().ids, golden.greedy);
}

TEST_F(EngineTest, DestructionEndsEveryRequest) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const auto paused = std::make_shared<RecordingObserver>();
  paused->LimitTokens(3);
  Submit(Load(golden), RequestFor(golden), paused);
  paused->AwaitTokens(3);
  const auto tokenizing = std::make_shared<RecordingObserver>();
  Submit(Load(golden, /*build_tokenizer=*/false), RequestFor(golden), tokenizing);
  engine_.reset();
  EXPECT_EQ(paused->AwaitDone().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(tokenizing->AwaitDone().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(paused->disorder(), "");
}

TEST_F(EngineTest, UnloadedModelFinishesItsSequences) {
  Create();
  const Golden golden = ReadGolden("llama-tied");
  const std::shared_ptr<Model> model = Load(golden);
  const auto observer = std::make_shared<RecordingObserver>();
  observer->LimitTokens(3);
  Submit(model, RequestFor(golden), observer);
  observer->AwaitTokens(3);
  engine_->EndRequests(model.get(), FinishReason::kModelUnloaded);
  EXPECT_TRUE(observer->AwaitDone().ok());
  const RecordingObserver::Answer answer = observer->answer();
  ASSERT_TRUE(answer.finished.has_value());
  EXPECT_EQ(answer.finished->reason, FinishReason::kModelUnloaded);
  EXPECT_EQ(answer.finished->usage.generated_tokens, 3);
  EXPECT_EQ(answer.ids.size(), 3U);
}

}  // namespace
}  // namespace firstlight
