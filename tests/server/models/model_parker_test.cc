#include "server/models/model_parker.h"

#include <filesystem>
#include <memory>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/models/fake_models.h"

namespace firstlight {
namespace {

using Deeds = std::vector<std::string>;

class ModelParkerTest : public ::testing::Test {
 protected:
  ModelParkerTest() : one_(root_.File("one")), two_(root_.File("two")) {
    std::filesystem::create_directory(one_);
    std::filesystem::create_directory(two_);
    auto roots = ModelRoots::Create({root_.path()}, {});
    EXPECT_THAT(roots, IsOk());
    registry_ =
        std::make_unique<ModelRegistry>(ModelRegistry::Options{.loader = models_.Loader(),
                                                               .roots = *std::move(roots),
                                                               .end_requests = [](LoadedModel*) {},
                                                               .loading_tasks = &tasks_});
    parker_ = std::make_unique<ModelParker>(
        ModelParker::Options{.registry = registry_.get(),
                             .log = &log_,
                             .idle_park = absl::Hours(1),
                             .memory_is_short = [this] { return memory_is_short_; }});
    EXPECT_THAT(registry_->Load("m", one_, false), IsOk());
    EXPECT_THAT(registry_->Load("n", two_, false), IsOk());
  }

  absl::StatusOr<ModelPin> Acquire(const std::string& name) {
    absl::StatusOr<ModelPin> answer = absl::UnknownError("not answered");
    registry_->Acquire(name, [&](absl::StatusOr<ModelPin> pin) { answer = std::move(pin); });
    return answer;
  }

  const TemporaryDirectory root_;
  const std::string one_;
  const std::string two_;
  const Log log_{LogLevel::kError, LogFormat::kText, /*file_descriptor=*/2};
  bool memory_is_short_ = false;
  FakeModels models_;
  TaskPool tasks_{1, 4};
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<ModelParker> parker_;
};

TEST_F(ModelParkerTest, IdleModelsAreParkedOnce) {
  parker_->Look(absl::Now() + absl::Minutes(59));
  EXPECT_EQ(models_.deeds(), Deeds{});
  const absl::StatusOr<ModelPin> pin = Acquire("n");
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + one_});
  parker_->Look(absl::Now() + absl::Hours(3));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + one_});
}

TEST_F(ModelParkerTest, ARequestWakesAModelForAnotherHour) {
  parker_->Look(absl::Now() + absl::Hours(2));
  ASSERT_EQ(models_.deeds().size(), 2u);
  EXPECT_THAT(Acquire("m"), IsOk());
  parker_->Look(absl::Now() + absl::Minutes(59));
  EXPECT_EQ(models_.deeds().size(), 2u);
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), (Deeds{"park " + one_, "park " + two_, "park " + one_}));
}

TEST_F(ModelParkerTest, WarmingCountsAsUse) {
  const Cancellation never;
  parker_->Look(absl::Now() + absl::Hours(2));
  ASSERT_THAT(registry_->Warm("m", std::nullopt, WarmMode::kPopulate, never), IsOk());
  parker_->Look(absl::Now() + absl::Minutes(59));
  EXPECT_EQ(models_.deeds().size(), 3u);
}

TEST_F(ModelParkerTest, AModelThatIsBeingWarmedIsNotIdle) {
  Cancellation cancellation;
  models_.HoldWarm(one_);
  std::thread warm([&] {
    EXPECT_FALSE(registry_->Warm("m", std::nullopt, WarmMode::kPopulate, cancellation).ok());
  });
  models_.AwaitHeld();
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), (Deeds{"warm populate " + one_, "park " + two_}));
  cancellation.Cancel(absl::CancelledError("the caller went away"));
  warm.join();
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds().back(), "park " + one_);
}

TEST_F(ModelParkerTest, APinnedModelIsParkedByHandAlone) {
  models_.SetStaysInMemory(one_);
  memory_is_short_ = true;
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + two_});
  EXPECT_THAT(registry_->Park("m", std::nullopt), IsOk());
  EXPECT_EQ(models_.deeds(), (Deeds{"park " + two_, "park " + one_}));
}

TEST_F(ModelParkerTest, ShortMemoryTakesTheLongestUnusedFirst) {
  EXPECT_THAT(Acquire("m"), IsOk());
  memory_is_short_ = true;
  parker_->Look(absl::Now() + absl::Seconds(11));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + two_});
  parker_->Look(absl::Now() + absl::Seconds(12));
  EXPECT_EQ(models_.deeds(), (Deeds{"park " + two_, "park " + one_}));
}

TEST_F(ModelParkerTest, AModelOfTheSameFilesUnderAnotherNameIsNotIdle) {
  const std::string link = root_.File("link");
  std::filesystem::create_directory(link);
  models_.ShareWeights(link, one_);
  ASSERT_THAT(registry_->Load("l", link, false), IsOk());
  const absl::StatusOr<ModelPin> pin = Acquire("l");
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + two_});
}

TEST_F(ModelParkerTest, AKeptVersionIsParkedToo) {
  ASSERT_THAT(registry_->Swap("m", two_, {.keep_previous = true}), IsOk());
  const absl::StatusOr<ModelPin> m = Acquire("m");
  parker_->Look(absl::Now() + absl::Hours(2));
  EXPECT_EQ(models_.deeds(), Deeds{"park " + one_});  // "n" is of the files that are in use
}

}  // namespace
}  // namespace firstlight
