// The engine on the bundled model: text in, text out, and what stands between.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "engine/engine.h"
#include "engine/tokenizer/detokenizer.h"
#include "gmock/gmock.h"
#include "loader/base/mutex.h"
#include "tests/engine/recording_observer.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kPrompt[] = "Blue is my favorite color. What is my favorite color?";
constexpr int64_t kMaxTokens = 40;

// Shows when the tokenizing thread is at work, and keeps it there: it asks for the time only to see
// whether it should go on.
class TokenizingClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(&mutex_);
    // The engine's thread and the caller's ask before there is anything to tokenize.
    if (watching_ && !known_.contains(std::this_thread::get_id())) {
      ++questions_;
      asked_.SignalAll();
      while (held_) {
        released_.Wait(&mutex_);
      }
    } else {
      known_.insert(std::this_thread::get_id());
    }
    return absl::Now();
  }

  void Hold() {
    MutexLock lock(&mutex_);
    watching_ = held_ = true;
  }
  void AwaitQuestion() {
    MutexLock lock(&mutex_);
    while (questions_ == 0) {
      asked_.Wait(&mutex_);
    }
  }
  void Release() {
    MutexLock lock(&mutex_);
    held_ = false;
    released_.SignalAll();
  }
  int64_t questions() const {
    MutexLock lock(&mutex_);
    return questions_;
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar asked_;
  mutable CondVar released_;
  mutable std::set<std::thread::id> known_ ABSL_GUARDED_BY(mutex_);
  mutable int64_t questions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool watching_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
};

// Writes a file in place with the first delta of its request, in the middle of what a pass gives
// out.
class WritingObserver final : public GenerationObserver {
 public:
  explicit WritingObserver(std::filesystem::path file) : file_(std::move(file)) {}

  void OnStarted(StartedEvent) override {}
  void OnDelta(DeltaEvent) override {
    ++deltas_;
    std::filesystem::last_write_time(file_, std::filesystem::file_time_type::clock::now());
  }
  void OnFinished(FinishedEvent) override { ADD_FAILURE() << "its tokenizer is damaged"; }
  void OnDone(absl::Status status) override {
    MutexLock lock(&mutex_);
    status_ = std::move(status);
    done_.SignalAll();
  }
  bool HasRoom() const override { return true; }

  absl::Status AwaitDone() {
    MutexLock lock(&mutex_);
    while (!status_.has_value()) done_.Wait(&mutex_);
    return *status_;
  }
  int deltas() const { return deltas_; }

 private:
  const std::filesystem::path file_;
  std::atomic<int> deltas_ = 0;
  Mutex mutex_;
  CondVar done_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

class EngineTextTest : public testing::Test {
 protected:
  void SetUp() override { Create({}); }

  void Create(Engine::Options options) {
    options.threads = 2;
    options.kv_cache_bytes = int64_t{64} << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    model_ = nullptr;
    engine_ = *std::move(engine);
    absl::StatusOr<std::unique_ptr<Model>> model = engine_->LoadModel(
        FIRSTLIGHT_SOURCE_DIR "/models/demo", std::nullopt, PrefetchPolicy::kOnRequest);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    ASSERT_TRUE(model_->BuildTokenizer().ok());
  }

  static GenerationRequest Request() {
    GenerationRequest request;
    request.input = std::string(kPrompt);
    request.stopping.max_tokens = kMaxTokens;
    request.stopping.ignore_eos = true;
    return request;
  }

  std::pair<Engine::RequestId, std::shared_ptr<RecordingObserver>> Submit(
      GenerationRequest request) {
    auto observer = std::make_shared<RecordingObserver>();
    const absl::StatusOr<Engine::RequestId> id =
        engine_->Submit(model_, std::move(request), observer);
    EXPECT_TRUE(id.ok()) << id.status();
    return {id.value_or(0), std::move(observer)};
  }

  RecordingObserver::Answer Answer(GenerationRequest request) {
    const auto observer = Submit(std::move(request)).second;
    EXPECT_EQ(observer->AwaitDone(), absl::OkStatus());
    EXPECT_EQ(observer->disorder(), "");
    return observer->answer();
  }

  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
};

// Every piece of the answer, of one character up to several tokens, as the stop sequence: what is
// shown ends where the piece first stands, wherever the tokens begin and end.
TEST_F(EngineTextTest, StopsAtAnyPieceOfTheAnswer) {
  const std::string text = Answer(Request()).text;
  ASSERT_GE(text.size(), 60U);
  for (const bool include : {false, true}) {
    std::vector<std::pair<std::string, std::shared_ptr<RecordingObserver>>> stopped;
    for (size_t begin = 0; begin + 12 <= 60; begin += 3) {
      const std::string stop = text.substr(begin, 1 + begin % 12);
      GenerationRequest request = Request();
      request.stopping.stop_sequences = {"never there", stop};
      request.stopping.include_stop_sequence = include;
      request.output.token_ids = true;
      stopped.emplace_back(stop, Submit(std::move(request)).second);
    }
    for (const auto& [stop, observer] : stopped) {
      SCOPED_TRACE(stop);
      ASSERT_EQ(observer->AwaitDone(), absl::OkStatus());
      const RecordingObserver::Answer answer = observer->answer();
      EXPECT_EQ(answer.text, text.substr(0, text.find(stop)) + (include ? stop : ""));
      ASSERT_TRUE(answer.finished.has_value());
      EXPECT_EQ(answer.finished->reason, FinishReason::kStopSequence);
      EXPECT_EQ(answer.finished->stop_sequence, stop);
      // It ends with the token that completed the sequence.
      EXPECT_EQ(static_cast<int64_t>(answer.ids.size()), answer.finished->usage.generated_tokens);
      EXPECT_LT(static_cast<int64_t>(answer.ids.size()), kMaxTokens);
    }
  }
}

TEST_F(EngineTextTest, AStopSequenceBeforeTheLeastNumberOfTokensIsPassedOver) {
  const std::string text = Answer(Request()).text;
  GenerationRequest request = Request();
  request.stopping.stop_sequences = {text.substr(0, 3)};
  request.stopping.min_tokens = kMaxTokens;
  const RecordingObserver::Answer answer = Answer(std::move(request));
  EXPECT_EQ(answer.finished->usage.generated_tokens, kMaxTokens);
  EXPECT_THAT(answer.text, StartsWith(text.substr(0, 3)));
}

TEST_F(EngineTextTest, EchoPutsThePromptBeforeTheAnswer) {
  const std::string text = Answer(Request()).text;
  GenerationRequest request = Request();
  request.output.echo = true;
  EXPECT_EQ(Answer(request).text, kPrompt + text);

  // Of token ids: their text, without what the tokenizer put around it.
  const Tokenizer& tokenizer = *model_->tokenizer_if_built();
  request.input = *tokenizer.Encode(kPrompt);
  EXPECT_EQ(Answer(request).text, kPrompt + text);
}

TEST_F(EngineTextTest, SequencesOfARequestDrawForThemselvesAndTellTheirLogprobs) {
  GenerationRequest request = Request();
  request.num_sequences = 4;
  request.sampling.temperature = 1.5;
  request.sampling.seed = 7;
  request.output.logprobs = true;
  request.output.top_logprobs = 5;
  const auto together = Submit(request).second;
  ASSERT_EQ(together->AwaitDone(), absl::OkStatus());
  std::set<std::string> texts;
  for (int64_t index = 0; index < request.num_sequences; ++index) {
    const RecordingObserver::Answer answer = together->answer(index);
    texts.insert(answer.text);
    ASSERT_EQ(static_cast<int64_t>(answer.tokens.size()), kMaxTokens);
    for (const GeneratedToken& token : answer.tokens) {
      ASSERT_TRUE(token.logprob.has_value());
      ASSERT_EQ(token.top.size(), 5U);
      EXPECT_LE(*token.logprob, token.top.front().logprob);
      double sum = 0;
      for (const TokenLogprob& top : token.top) {
        sum += std::exp(top.logprob);
        EXPECT_TRUE(top.id != token.id || top.logprob == *token.logprob);
      }
      // Each of 3072 rounded to float32 at most once.
      EXPECT_LE(sum, 1 + 1e-3);
    }
  }
  EXPECT_EQ(texts.size(), 4U);

  // The first is what it would be alone, to the bit.
  request.num_sequences = 1;
  const RecordingObserver::Answer alone = Answer(request);
  const RecordingObserver::Answer first = together->answer(0);
  ASSERT_EQ(alone.tokens.size(), first.tokens.size());
  for (size_t i = 0; i < alone.tokens.size(); ++i) {
    EXPECT_EQ(alone.tokens[i].id, first.tokens[i].id);
    EXPECT_EQ(alone.tokens[i].logprob, first.tokens[i].logprob);
  }
}

TEST_F(EngineTextTest, ACancelledPromptOfFourMegabytesLeavesTheTokenizerToOthers) {
  TokenizingClock clock;
  Create({.tokenizer_threads = 1, .clock = &clock});
  GenerationRequest request = Request();
  request.input = std::vector<int32_t>{1};
  Answer(request);
  clock.Hold();
  request.input = std::string(size_t{4} << 20, 'a');
  const auto [id, observer] = Submit(std::move(request));
  clock.AwaitQuestion();
  engine_->Cancel(id, absl::CancelledError("client"));
  EXPECT_EQ(observer->AwaitDone(), absl::CancelledError("client"));
  EXPECT_FALSE(observer->started().has_value());
  clock.Release();
  EXPECT_NE(Answer(Request()).text, "");
  // The one that it was held at was the last.
  EXPECT_EQ(clock.questions(), 1);
  model_ = nullptr;
  engine_ = nullptr;
}

TEST_F(EngineTextTest, TextOfATokenizerThatWasDamagedAfterThePassIsNotDelivered) {
  const TemporaryDirectory cache;
  std::string image;
  Create({.tokenizer_cache = {.directory = cache.path(),
                              .on_opened = [&image](const TokenizerCache::Opened& opened) {
                                if (opened.has_image) image = opened.image_path;
                              }}});
  ASSERT_NE(image, "");
  GenerationRequest request = Request();
  request.num_sequences = 8;  // of one pass
  const auto observer = std::make_shared<WritingObserver>(image);
  ASSERT_TRUE(engine_->Submit(model_, std::move(request), observer).ok());
  EXPECT_THAT(observer->AwaitDone(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(".image")));
  EXPECT_EQ(observer->deltas(), 1);
  model_ = nullptr;
  engine_ = nullptr;
}

}  // namespace
}  // namespace firstlight
