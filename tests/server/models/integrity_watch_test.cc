#include "server/models/integrity_watch.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

// A model whose files are what a test says.
class FakeFiles final : public LoadedModel {
 public:
  absl::Status BuildTokenizer() override { return absl::OkStatus(); }
  ModelFacts Facts() const override { return {}; }
  Model* engine_model() override { return nullptr; }
  absl::Status Warm(WarmMode, std::shared_ptr<void>, const Cancellation&) override {
    return absl::OkStatus();
  }
  void Park(std::shared_ptr<void>) override {}
  std::optional<WeightResidency> Residency() const override { return std::nullopt; }

  absl::Status CheckIntegrity() override {
    MutexLock lock(&mutex_);
    return damage_;
  }
  std::string LookForDetached() override {
    MutexLock lock(&mutex_);
    ++looks_;
    changed_.SignalAll();
    return detached_;
  }

  void Set(absl::Status damage, std::string detached) {
    MutexLock lock(&mutex_);
    damage_ = std::move(damage);
    detached_ = std::move(detached);
  }
  // In all.
  void AwaitLooks(int count) {
    MutexLock lock(&mutex_);
    while (looks_ < count) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  std::string detached_ ABSL_GUARDED_BY(mutex_);
  int looks_ ABSL_GUARDED_BY(mutex_) = 0;
};

class IntegrityWatchTest : public ::testing::Test {
 protected:
  IntegrityWatchTest() {
    model_->name = "m";
    model_->version = 7;
    model_->loaded = std::unique_ptr<LoadedModel>(files_);
  }
  ~IntegrityWatchTest() override { fclose(log_file_); }

  // Never by itself within a test, so that each look is one that the test has asked for.
  void Start() {
    watch_.Start({.models = [this] { return std::vector<std::shared_ptr<ServedModel>>{model_}; },
                  .fail =
                      [this](const ServedModel& model, const absl::Status& status) {
                        failures_.push_back(model.name + ": " + std::string(status.message()));
                      },
                  .log = &log_,
                  .interval = absl::Hours(1)});
  }
  void Look() {
    watch_.LookNow();
    files_->AwaitLooks(++asked_);
  }
  std::string Logged() {
    watch_.Stop();
    std::string text(4096, '\0');
    rewind(log_file_);
    text.resize(fread(text.data(), 1, text.size(), log_file_));
    return text;
  }

  FILE* const log_file_ = tmpfile();
  const Log log_{LogLevel::kInfo, LogFormat::kText, fileno(log_file_)};
  FakeFiles* const files_ = new FakeFiles;  // owned by model_
  const std::shared_ptr<ServedModel> model_ = std::make_shared<ServedModel>();
  std::vector<std::string> failures_;
  int asked_ = 0;
  IntegrityWatch watch_;
};

TEST_F(IntegrityWatchTest, FailsADamagedModelOnce) {
  Start();
  Look();
  files_->Set(absl::DataLossError("weights: truncated"), "");
  Look();
  Look();
  EXPECT_EQ(Logged(), "");
  EXPECT_EQ(failures_, std::vector<std::string>{"m: weights: truncated"});
}

TEST_F(IntegrityWatchTest, TellsOnceWhyAModelIsDetached) {
  Start();
  files_->Set(absl::OkStatus(), "weights: it was deleted");
  Look();
  Look();
  files_->Set(absl::OkStatus(), "weights: it was replaced");
  Look();
  const std::string log = Logged();
  EXPECT_TRUE(failures_.empty());
  EXPECT_THAT(log, HasSubstr("it was deleted"));
  EXPECT_THAT(log, HasSubstr("it was replaced"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
}

TEST_F(IntegrityWatchTest, LooksAreAskedForBeforeAndAfterItRuns) {
  watch_.LookNow();
  Start();
  files_->AwaitLooks(1);
  watch_.Stop();
  watch_.LookNow();
}

}  // namespace
}  // namespace firstlight
