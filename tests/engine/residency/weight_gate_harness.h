#ifndef FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_WEIGHT_GATE_HARNESS_H_
#define FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_WEIGHT_GATE_HARNESS_H_

// A scheduler and a gate, stepped by hand on one thread; only what reads pages has threads, and a
// page reader that the test holds says how far they come.

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
#include "engine/residency/weight_gate.h"
#include "gmock/gmock.h"
#include "loader/base/strings.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/engine/recording_observer.h"
#include "tests/engine/residency/held_page_reader.h"
#include "tests/engine/scheduling/scheduler_harness.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {

// A layer is some twenty pages, a row of the embedding a thirty-second of one.
inline constexpr LlamaShape kShape{.vocab_size = 512,
                                   .hidden_size = 64,
                                   .intermediate_size = 192,
                                   .num_hidden_layers = 3,
                                   .num_attention_heads = 4,
                                   .num_key_value_heads = 2};
inline constexpr int64_t kHead = 3;
inline constexpr int64_t kTokens = 5;
inline constexpr int32_t kExperts = 8;

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
      while (releases_held_) changed_.Wait(&mutex_);
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

  // Releases do not return until they are let go.
  void HoldReleases(bool held) {
    {
      MutexLock lock(&mutex_);
      releases_held_ = held;
    }
    changed_.SignalAll();
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
  CondVar changed_;
  int64_t releases_ ABSL_GUARDED_BY(mutex_) = 0;
  bool releases_held_ ABSL_GUARDED_BY(mutex_) = false;
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

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_RESIDENCY_WEIGHT_GATE_HARNESS_H_
