#ifndef FIRSTLIGHT_TESTS_SERVER_MODELS_FAKE_MODELS_H_
#define FIRSTLIGHT_TESTS_SERVER_MODELS_FAKE_MODELS_H_

// Models for tests of the registry: they compute nothing, and record what was done to them and
// which thread destroyed them.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "server/models/served_model.h"

namespace firstlight {

// Outlives its models. Thread-safe.
class FakeModels {
 public:
  // What loading `directory` gives, and its tokenizer.
  void SetLoadStatus(const std::string& directory, absl::Status status) {
    MutexLock lock(&mutex_);
    load_status_[directory] = std::move(status);
  }
  void SetTokenizerStatus(const std::string& directory, absl::Status status) {
    MutexLock lock(&mutex_);
    tokenizer_status_[directory] = std::move(status);
  }
  // What warming `directory` gives.
  void SetWarmStatus(const std::string& directory, absl::Status status) {
    MutexLock lock(&mutex_);
    warm_status_[directory] = std::move(status);
  }
  // What its residency is, unless it is parked; nothing: unknown.
  void SetResidency(const std::string& directory, WeightResidency residency) {
    MutexLock lock(&mutex_);
    residency_[directory] = residency;
  }
  // Loads of `directory` block in its tokenizer until Release().
  void Hold(const std::string& directory) {
    MutexLock lock(&mutex_);
    held_ = directory;
  }
  void Release() {
    {
      MutexLock lock(&mutex_);
      held_.clear();
    }
    changed_.SignalAll();
  }
  void AwaitHeld() {
    MutexLock lock(&mutex_);
    while (!holding_) changed_.Wait(&mutex_);
  }

  ModelLoader Loader() {
    return [this](const std::string& directory) -> absl::StatusOr<std::unique_ptr<LoadedModel>> {
      MutexLock lock(&mutex_);
      if (const auto found = load_status_.find(directory); found != load_status_.end()) {
        return found->second;
      }
      ++alive_;
      return std::make_unique<Fake>(this, directory);
    };
  }

  // The policy of `directory` keeps it in memory.
  void SetStaysInMemory(const std::string& directory) {
    MutexLock lock(&mutex_);
    stays_ = directory;
  }
  // The weights of `directory` are those of `other`.
  void ShareWeights(const std::string& directory, const std::string& other) {
    MutexLock lock(&mutex_);
    weights_of_[directory] = weights_of_.emplace(other, std::make_shared<char>()).first->second;
  }
  // Warming `directory` blocks until it is cancelled.
  void HoldWarm(const std::string& directory) {
    MutexLock lock(&mutex_);
    held_warm_ = directory;
  }
  // "warm populate /dir", "park /dir", in order.
  std::vector<std::string> deeds() {
    MutexLock lock(&mutex_);
    return deeds_;
  }

  int alive() {
    MutexLock lock(&mutex_);
    return alive_;
  }
  void AwaitAlive(int count) {
    MutexLock lock(&mutex_);
    while (alive_ != count) changed_.Wait(&mutex_);
  }
  // Threads that destroyed models, one entry each.
  std::vector<std::thread::id> destroyers() {
    MutexLock lock(&mutex_);
    return destroyers_;
  }

 private:
  class Fake final : public LoadedModel {
   public:
    Fake(FakeModels* models, std::string directory)
        : models_(models), directory_(std::move(directory)) {}
    ~Fake() override {
      {
        MutexLock lock(&models_->mutex_);
        --models_->alive_;
        models_->destroyers_.push_back(std::this_thread::get_id());
      }
      models_->changed_.SignalAll();
    }
    absl::Status BuildTokenizer() override {
      MutexLock lock(&models_->mutex_);
      while (models_->held_ == directory_) {
        models_->holding_ = true;
        models_->changed_.SignalAll();
        models_->changed_.Wait(&models_->mutex_);
      }
      models_->holding_ = false;
      const auto found = models_->tokenizer_status_.find(directory_);
      return found == models_->tokenizer_status_.end() ? absl::OkStatus() : found->second;
    }
    absl::Status Warm(WarmMode mode, std::shared_ptr<void>,
                      const Cancellation& cancellation) override {
      MutexLock lock(&models_->mutex_);
      models_->deeds_.push_back((mode == WarmMode::kForward ? "warm forward " : "warm populate ") +
                                directory_);
      while (models_->held_warm_ == directory_ && !cancellation.cancelled()) {
        models_->holding_ = true;
        models_->changed_.SignalAll();
        // A model looks now and then whether it is cancelled; nobody signals that.
        models_->changed_.WaitWithTimeout(&models_->mutex_, absl::Milliseconds(1));
      }
      models_->holding_ = false;
      if (cancellation.cancelled()) return cancellation.status();
      const auto found = models_->warm_status_.find(directory_);
      return found == models_->warm_status_.end() ? absl::OkStatus() : found->second;
    }
    std::vector<const void*> Mappings() const override {
      MutexLock lock(&models_->mutex_);
      return {
          models_->weights_of_.emplace(directory_, std::make_shared<char>()).first->second.get()};
    }
    bool StaysInMemory() const override {
      MutexLock lock(&models_->mutex_);
      return models_->stays_ == directory_;
    }
    void Park(std::shared_ptr<void>) override {
      MutexLock lock(&models_->mutex_);
      models_->deeds_.push_back("park " + directory_);
    }
    std::optional<WeightResidency> Residency() const override {
      MutexLock lock(&models_->mutex_);
      const auto found = models_->residency_.find(directory_);
      if (found == models_->residency_.end()) return std::nullopt;
      return found->second;
    }
    ModelFacts Facts() const override { return {.architecture = directory_, .assigned_bytes = 7}; }
    Model* engine_model() override { return nullptr; }

   private:
    FakeModels* const models_;
    const std::string directory_;
  };

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, absl::Status> load_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> tokenizer_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> warm_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, WeightResidency> residency_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<char>> weights_of_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> deeds_ ABSL_GUARDED_BY(mutex_);
  std::string held_warm_ ABSL_GUARDED_BY(mutex_);
  std::string held_ ABSL_GUARDED_BY(mutex_);
  std::string stays_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  int alive_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread::id> destroyers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_MODELS_FAKE_MODELS_H_
