// A scheduler and a gate, stepped by hand on one thread; only what reads pages has threads, and a
// page reader that the test holds says how far they come.

#include "engine/residency/weight_gate.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "loader/base/strings.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/engine/recording_observer.h"
#include "tests/engine/residency/held_page_reader.h"
#include "tests/engine/scheduler_harness.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A layer is some twenty pages, a row of the embedding a thirty-second of one.
constexpr LlamaShape kShape{.vocab_size = 512,
                            .hidden_size = 64,
                            .intermediate_size = 192,
                            .num_hidden_layers = 3,
                            .num_attention_heads = 4,
                            .num_key_value_heads = 2};
constexpr int64_t kHead = 3;
constexpr int64_t kTokens = 5;
constexpr int32_t kExperts = 8;

// What other threads ask the engine's thread to run.
class Inbox {
 public:
  void Add(absl::AnyInvocable<void()> closure) {
    MutexLock lock(&mutex_);
    closures_.push_back(std::move(closure));
    changed_.Signal();
  }
  // Runs what is there; waits for something when `wait`.
  void Run(bool wait) {
    std::deque<absl::AnyInvocable<void()>> closures;
    {
      MutexLock lock(&mutex_);
      while (wait && closures_.empty()) changed_.Wait(&mutex_);
      closures.swap(closures_);
    }
    for (absl::AnyInvocable<void()>& closure : closures) closure();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> closures_ ABSL_GUARDED_BY(mutex_);
};

// Passes everything on, remembers which stages ran, and can keep stages closed itself.
class SpyGate final : public LayerGate {
 public:
  explicit SpyGate(LayerGate* gate) : gate_(*gate) {}

  void Dequeued(const std::shared_ptr<const Model>& model) override { gate_.Dequeued(model); }
  void PassBegins(const Model& model, absl::Span<const int32_t> tokens) override {
    gate_.PassBegins(model, tokens);
  }
  bool IsOpen(const Model& model, int64_t layer) override {
    return gate_.IsOpen(model, layer) && (!closed_.has_value() || layer < *closed_);
  }
  bool AreExpertsOpen(const Model& model, int64_t layer,
                      absl::Span<const int32_t> experts) override {
    for (const int32_t expert : experts) chosen_[&model][layer].insert(expert);
    return gate_.AreExpertsOpen(model, layer, experts);
  }
  void StageRan(const Model& model, int64_t layer) override {
    ran_[&model].push_back(layer);
    gate_.StageRan(model, layer);
  }
  // Not passed on: what this machine's storage does is not the test's.
  void FaultedFromStorage(const Model& /*model*/) override {}
  void Idle(const Model& model) override { gate_.Idle(model); }

  std::vector<int64_t> ran(const Model& model) const {
    const auto found = ran_.find(&model);
    return found != ran_.end() ? found->second : std::vector<int64_t>();
  }
  // The experts of a layer that passes have asked for.
  const std::set<int32_t>& chosen(const Model& model, int64_t layer) {
    return chosen_[&model][layer];
  }
  void CloseFrom(std::optional<int64_t> layer) { closed_ = layer; }

 private:
  LayerGate& gate_;
  std::map<const Model*, std::vector<int64_t>> ran_;
  std::map<const Model*, std::map<int64_t, std::set<int32_t>>> chosen_;
  std::optional<int64_t> closed_;
};

class WeightGateTest : public testing::Test {
 protected:
  void Create(int64_t window_bytes = int64_t{1} << 30, int64_t step_tokens = 512) {
    WeightGate::Options options;
    options.reader = &reader_;
    options.sample = [this](absl::Span<const ByteRange> ranges) { return Sample(ranges); };
    options.release = [this](absl::Span<const ByteRange>) {
      MutexLock lock(&mutex_);
      ++releases_;
    };
    options.pin_limit = &pin_limit_;
    options.clock = &clock_;
    options.window_bytes = window_bytes;
    options.run_on_engine = [this](absl::AnyInvocable<void()> closure) {
      inbox_.Add(std::move(closure));
    };
    options.on_damage = [this](const Model& model, const absl::Status& status) {
      damage_ = status;
      harness_->scheduler().FailRequests(&model, status);
    };
    reader_.set_on_asked([this] { inbox_.Add([] {}); });
    gate_ = std::make_unique<WeightGate>(std::move(options));
    spy_ = std::make_unique<SpyGate>(gate_.get());
    harness_ = std::make_unique<SchedulerHarness>(
        SchedulerHarness::Options{.step_tokens = step_tokens, .gate = spy_.get()});
  }

  void TearDown() override {
    reader_.Release();
    harness_.reset();
    gate_.reset();
  }

  std::shared_ptr<Model> Load(bool tied = false,
                              PrefetchPolicy prefetch = PrefetchPolicy::kOnRequest) {
    directories_.push_back(std::make_unique<TemporaryDirectory>());
    std::vector<TensorDeclaration> tensors = LlamaTensors(kShape);
    if (tied) tensors.erase(tensors.begin() + 2);
    WriteCheckpoint(directories_.back()->path(),
                    LlamaConfig(kShape, tied ? ", \"tie_word_embeddings\": true" : ""), tensors);
    return harness_->Load(directories_.back()->path(), prefetch);
  }

  // The same with a mixture in every layer, untied.
  std::shared_ptr<Model> LoadMixture() {
    directories_.push_back(std::make_unique<TemporaryDirectory>());
    std::vector<TensorDeclaration> tensors = LlamaTensors(kShape);
    std::erase_if(tensors, [](const TensorDeclaration& tensor) {
      return tensor.name.find(".mlp.") != std::string::npos;
    });
    const int64_t hidden = kShape.hidden_size;
    for (int64_t layer = 0; layer < kShape.num_hidden_layers; ++layer) {
      const std::string mlp = StrCat("model.layers.", layer, ".block_sparse_moe.");
      tensors.push_back({mlp + "gate.weight", DType::kBF16, {kExperts, hidden}});
      for (int64_t expert = 0; expert < kExperts; ++expert) {
        for (const std::string_view name : {"w1", "w2", "w3"}) {
          tensors.push_back({StrCat(mlp, "experts.", expert, ".", name, ".weight"), DType::kBF16,
                             name == "w2" ? Shape{hidden, kShape.intermediate_size}
                                          : Shape{kShape.intermediate_size, hidden}});
        }
      }
    }
    std::string config =
        LlamaConfig(kShape, StrCat(", \"sliding_window\": null, \"num_experts_per_tok\": 2, ",
                                   "\"num_local_experts\": ", kExperts));
    config.replace(config.find("LlamaForCausalLM"), 16, "MixtralForCausalLM");
    WriteCheckpoint(directories_.back()->path(), config, tensors);
    return harness_->Load(directories_.back()->path(), PrefetchPolicy::kOnRequest);
  }

  // Whether all of an expert was asked for; fails when a part of it was, beyond the pages that it
  // shares with others.
  bool AskedFor(const Model& model, int64_t layer, int32_t expert) const {
    const std::byte* const base = FileOf(model)->bytes().data();
    int64_t bytes = 0;
    int64_t asked_bytes = 0;
    for (const ByteRange& range : model.residency()->plan().Experts(layer, {expert})) {
      const int64_t begin = range.bytes.data() - base;
      const int64_t end = begin + static_cast<int64_t>(range.bytes.size());
      bytes += end - begin;
      int64_t most = 0;
      for (const HeldPageReader::Asked& asked : reader_.asked()) {
        for (const auto& [from, to] : asked.extents) {
          most = std::max(most, std::min(to, end) - std::max(from, begin));
        }
      }
      asked_bytes += std::max<int64_t>(most, 0);
    }
    EXPECT_TRUE(asked_bytes == bytes || asked_bytes < bytes / 2) << asked_bytes << " of " << bytes;
    return asked_bytes == bytes;
  }

  static const MappedFile* FileOf(const Model& model) {
    return model.checkpoint().files().front().get();
  }

  // Everything of `model` is mapped, as the sampler sees it.
  void SetMapped(const Model& model, double share) {
    MutexLock lock(&mutex_);
    mapped_[FileOf(model)] = share;
  }
  int64_t samples() const {
    MutexLock lock(&mutex_);
    return samples_;
  }

  static GenerationRequest Request(std::vector<int32_t> prompt = {3, 200, 511, 3}) {
    GenerationRequest request;
    request.input = std::move(prompt);
    request.stopping.max_tokens = kTokens;
    request.stopping.ignore_eos = true;
    request.output.logprobs = true;
    return request;
  }

  // Steps until `done`, waiting for other threads where there is nothing to do.
  void RunUntil(const std::function<bool()>& done) {
    while (true) {
      inbox_.Run(/*wait=*/false);
      while (!done() && harness_->scheduler().Step()) {
      }
      if (done()) return;
      inbox_.Run(/*wait=*/true);
    }
  }
  static std::function<bool()> Done(const SchedulerHarness::Submitted& submitted) {
    return [observer = submitted.observer] { return observer->status().has_value(); };
  }

  // Tokens and their logprobs, exactly.
  static std::vector<std::pair<int32_t, double>> TokensOf(const RecordingObserver& observer) {
    std::vector<std::pair<int32_t, double>> tokens;
    for (const GeneratedToken& token : observer.answer().tokens) {
      tokens.emplace_back(token.id, token.logprob.value_or(1));
    }
    return tokens;
  }

  // What a model of this checkpoint answers when nothing is in the way.
  std::vector<std::pair<int32_t, double>> Expected(const std::string& directory,
                                                   const GenerationRequest& request) {
    SchedulerHarness harness({});
    const std::shared_ptr<Model> model = harness.Load(directory, PrefetchPolicy::kNone);
    const SchedulerHarness::Submitted submitted = harness.Submit(model, request);
    harness.RunUntilIdle();
    return TokensOf(*submitted.observer);
  }

  // The stage that most of the bytes of a piece are of: -1 for the embedding.
  static int64_t StageOf(const Model& model, const HeldPageReader::Asked& asked) {
    const WeightPlan& plan = model.residency()->plan();
    const std::byte* const base = FileOf(model)->bytes().data();
    const auto overlap = [&](const WeightPlan::Ranges& ranges) {
      int64_t bytes = 0;
      for (const ByteRange& range : ranges) {
        const int64_t begin = range.bytes.data() - base;
        const int64_t end = begin + static_cast<int64_t>(range.bytes.size());
        for (const auto& [from, to] : asked.extents) {
          bytes += std::max<int64_t>(std::min(to, end) - std::max(from, begin), 0);
        }
      }
      return bytes;
    };
    int64_t best = -1;
    int64_t most = overlap(plan.embedding());
    for (int64_t stage = 0; stage <= plan.head_stage(); ++stage) {
      const int64_t bytes = overlap(plan.stages()[static_cast<size_t>(stage)]);
      if (bytes > most) {
        most = bytes;
        best = stage;
      }
    }
    return best;
  }
  std::vector<int64_t> AskedStages(const Model& model) const {
    std::vector<int64_t> stages;
    for (const HeldPageReader::Asked& asked : reader_.asked()) {
      if (asked.file == FileOf(model)) stages.push_back(StageOf(model, asked));
    }
    return stages;
  }

  WeightShares Sample(absl::Span<const ByteRange> ranges) {
    MutexLock lock(&mutex_);
    ++samples_;
    const double mapped = mapped_[ranges.front().file];
    return {.mapped = mapped, .resident = std::nullopt};
  }

  mutable Mutex mutex_;
  std::map<const MappedFile*, double> mapped_ ABSL_GUARDED_BY(mutex_);
  int64_t samples_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t releases_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> damage_;
  std::vector<std::unique_ptr<TemporaryDirectory>> directories_;
  FakeClock clock_;
  HeldPageReader reader_;
  PinLimit pin_limit_{0};
  Inbox inbox_;
  std::unique_ptr<WeightGate> gate_;
  std::unique_ptr<SpyGate> spy_;
  std::unique_ptr<SchedulerHarness> harness_;
};

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
  reader_.Hold(FileOf(*model));
  reader_.Permit(1 + 3);  // the rows, which are those of both chunks, and the layers
  const SchedulerHarness::Submitted submitted = harness_->Submit(model, Request({3, 200, 3, 200}));
  RunUntil([&] { return spy_->ran(*model).size() == 8; });
  EXPECT_THAT(spy_->ran(*model), ElementsAre(-1, 0, 1, 2, -1, 0, 1, 2));
  EXPECT_EQ(submitted.observer->tokens(), 0);
  reader_.Release();
  RunUntil(Done(submitted));
  EXPECT_EQ(TokensOf(*submitted.observer),
            Expected(directories_.front()->path(), Request({3, 200, 3, 200})));
}

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
  const SchedulerHarness::Submitted a = harness_->Submit(model, Request());
  const SchedulerHarness::Submitted b = harness_->Submit(model, Request({9, 8}));
  const SchedulerHarness::Submitted beside = harness_->Submit(other, Request());
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
