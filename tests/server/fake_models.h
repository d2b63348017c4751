#ifndef FIRSTLIGHT_TESTS_SERVER_FAKE_MODELS_H_
#define FIRSTLIGHT_TESTS_SERVER_FAKE_MODELS_H_

// Models for tests of the registry: they compute nothing, and record which thread destroyed them.

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "server/served_model.h"

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
  std::string held_ ABSL_GUARDED_BY(mutex_);
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  int alive_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread::id> destroyers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_FAKE_MODELS_H_
