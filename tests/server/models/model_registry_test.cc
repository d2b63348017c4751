#include "server/models/model_registry.h"

#include <filesystem>
#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/models/fake_models.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

class ModelRegistryTest : public ::testing::Test {
 protected:
  ModelRegistryTest() {
    for (const char* name : {"one", "two"}) {
      std::filesystem::create_directory(root_.File(name));
    }
    auto roots = ModelRoots::Create({root_.path()}, {});
    EXPECT_THAT(roots, IsOk());
    registry_ =
        std::make_unique<ModelRegistry>(ModelRegistry::Options{.loader = models_.Loader(),
                                                               .roots = *std::move(roots),
                                                               .end_requests =
                                                                   [this](LoadedModel*) {
                                                                     {
                                                                       MutexLock lock(&mutex_);
                                                                       ++ended_;
                                                                     }
                                                                     changed_.SignalAll();
                                                                   },
                                                               .loading_tasks = &tasks_,
                                                               .max_waiting = 2});
    one_ = root_.File("one");
    two_ = root_.File("two");
  }

  // What Acquire answers at once.
  absl::StatusOr<ModelPin> Acquire(const std::string& name) {
    absl::StatusOr<ModelPin> answer = absl::UnknownError("not answered");
    registry_->Acquire(name, [&](absl::StatusOr<ModelPin> pin) { answer = std::move(pin); });
    return answer;
  }

  bool IsParked(int64_t version) {
    const auto snapshot = registry_->Get("m", version);
    EXPECT_THAT(snapshot, IsOk());
    const std::shared_ptr<ServedModel> served = snapshot.ok() ? snapshot->served.lock() : nullptr;
    return served != nullptr && served->parked;
  }

  const TemporaryDirectory root_;
  std::string one_;
  std::string two_;
  Mutex mutex_;
  CondVar changed_;
  int ended_ ABSL_GUARDED_BY(mutex_) = 0;
  FakeModels models_;
  TaskPool tasks_{2, 16};
  std::unique_ptr<ModelRegistry> registry_;
};

TEST_F(ModelRegistryTest, AModelIsDestroyedOnAnotherThreadOnceItsLastRequestHasEnded) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  absl::StatusOr<ModelPin> pin = Acquire("m");
  ASSERT_THAT(pin, IsOk());
  const auto swapped = registry_->Swap("m", two_, {});
  ASSERT_THAT(swapped, IsOk());
  EXPECT_EQ(swapped->previous.state, ModelState::kDraining);
  EXPECT_EQ(swapped->previous.requests_in_flight, 1);
  EXPECT_EQ((*pin)->version, 1);
  EXPECT_EQ((*Acquire("m"))->version, 2);
  EXPECT_EQ(models_.alive(), 2);
  pin = ModelPin();  // the last request of version 1 ends on this thread
  models_.AwaitAlive(1);
  for (const std::thread::id id : models_.destroyers()) EXPECT_NE(id, std::this_thread::get_id());
}

TEST_F(ModelRegistryTest, RequestsForADeclaredModelWaitUntilItIsLoaded) {
  registry_->Declare({{.name = "m", .directory = one_}});
  int answers = 0;
  for (int i = 0; i < 2; ++i) {
    registry_->Acquire("m", [&](absl::StatusOr<ModelPin> pin) { answers += pin.ok() ? 1 : 100; });
  }
  EXPECT_EQ(answers, 0);
  // The queue is bounded.
  EXPECT_THAT(Acquire("m"), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("loading")));
  EXPECT_EQ(registry_->LoadDeclared(), 0);
  EXPECT_EQ(answers, 2);
}

TEST_F(ModelRegistryTest, WaitingRequestsLearnThatTheModelFailed) {
  models_.SetLoadStatus(one_, absl::NotFoundError("no config.json"));
  registry_->Declare({{.name = "m", .directory = one_}, {.name = "n", .directory = two_}});
  absl::Status answer;
  registry_->Acquire("m", [&](absl::StatusOr<ModelPin> pin) { answer = pin.status(); });
  EXPECT_EQ(registry_->LoadDeclared(), 1);
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no config.json")));
  EXPECT_THAT(Acquire("n"), IsOk());
}

TEST_F(ModelRegistryTest, ADeclaredModelServesWhileItsTokenizerIsBuiltAndFailsWithIt) {
  models_.Hold(one_);
  models_.SetTokenizerStatus(one_, absl::UnimplementedError("tokenizer.json: model \"Unigram\""));
  registry_->Declare({{.name = "m", .directory = one_}});
  EXPECT_EQ(registry_->LoadDeclared(), 0);
  EXPECT_THAT(Acquire("m"), IsOk());
  models_.Release();
  models_.AwaitAlive(0);  // failed, and destroyed
  EXPECT_THAT(Acquire("m"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Unigram")));
}

TEST_F(ModelRegistryTest, LoadAndSwapBuildTheTokenizerBeforeTheySwitch) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  models_.SetTokenizerStatus(two_, absl::InvalidArgumentError("merges.txt: bad"));
  EXPECT_THAT(registry_->Swap("m", two_, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("merges.txt")));
  EXPECT_THAT(registry_->Load("n", two_, false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("merges.txt")));
  EXPECT_EQ((*Acquire("m"))->version, 1);
  EXPECT_EQ(registry_->List().size(), 1u);
}

TEST_F(ModelRegistryTest, TwoSwapsAtOnceAbortTheSecond) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  models_.Hold(two_);
  std::thread first([&] { EXPECT_THAT(registry_->Swap("m", two_, {}), IsOk()); });
  models_.AwaitHeld();
  EXPECT_THAT(registry_->Swap("m", one_, {}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("under way")));
  EXPECT_THAT(Acquire("m"), IsOk());
  models_.Release();
  first.join();
  EXPECT_EQ((*Acquire("m"))->version, 2);
}

TEST_F(ModelRegistryTest, ValidateOnlyLeavesNothingBehind) {
  const auto snapshot = registry_->Load("m", one_, true);
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ(snapshot->version, 0);
  EXPECT_EQ(snapshot->facts->assigned_bytes, 7);
  EXPECT_TRUE(registry_->List().empty());
  EXPECT_EQ(models_.alive(), 0);
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  EXPECT_THAT(registry_->Load("m", one_, true),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("m")));
  ASSERT_THAT(registry_->Swap("m", two_, {.validate_only = true}), IsOk());
  EXPECT_EQ((*Acquire("m"))->version, 1);
}

TEST_F(ModelRegistryTest, RequestsThatOutstayTheDrainAreEnded) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  absl::StatusOr<ModelPin> pin = Acquire("m");
  ASSERT_THAT(registry_->Unload("m", std::nullopt, absl::ZeroDuration()), IsOk());
  {
    MutexLock lock(&mutex_);
    while (ended_ == 0) changed_.Wait(&mutex_);
  }
  EXPECT_EQ(models_.alive(), 1);  // still pinned
  pin = ModelPin();
  models_.AwaitAlive(0);
}

TEST_F(ModelRegistryTest, ListenersStartWithWhatExistsAndStopWhenRemoved) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  std::vector<ModelChange> changes;
  const auto id = registry_->AddListener([&](const ModelChange& c) { changes.push_back(c); });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].type, ModelChangeType::kExisting);
  EXPECT_TRUE(changes[0].name_serves);
  ASSERT_THAT(registry_->Load("n", two_, false), IsOk());
  EXPECT_EQ(changes.size(), 3u);  // LOADING, ACTIVE
  registry_->RemoveListener(id);
  ASSERT_THAT(registry_->Unload("m", std::nullopt, absl::ZeroDuration()), IsOk());
  EXPECT_EQ(changes.size(), 3u);
}

TEST_F(ModelRegistryTest, AKeptVersionStaysMappedUntilTheNextSwap) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  ASSERT_THAT(registry_->Swap("m", two_, {.keep_previous = true}), IsOk());
  EXPECT_EQ(models_.alive(), 2);
  const auto back = registry_->Rollback("m", std::nullopt);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->current.version, 1);
  EXPECT_EQ((*Acquire("m"))->version, 1);
  ASSERT_THAT(registry_->Rollback("m", std::nullopt), IsOk());
  EXPECT_EQ((*Acquire("m"))->version, 2);
  EXPECT_EQ(models_.alive(), 2);  // nothing was loaded or destroyed
  ASSERT_THAT(registry_->Swap("m", one_, {.keep_previous = true}), IsOk());
  models_.AwaitAlive(2);  // version 1 was let go
  ASSERT_THAT(registry_->Unload("m", std::nullopt, absl::ZeroDuration()), IsOk());
  models_.AwaitAlive(0);
  const std::vector<std::thread::id> destroyers = models_.destroyers();
  for (const std::thread::id id : destroyers) {
    EXPECT_NE(id, std::this_thread::get_id());
    EXPECT_EQ(id, destroyers.front());
  }
}

TEST_F(ModelRegistryTest, ASwapWarmsAsItIsToldElseAsTheOldVersionWas) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  ASSERT_THAT(registry_->Swap("m", two_, {}), IsOk());
  EXPECT_TRUE(models_.deeds().empty());  // nothing is known of the old one's residency
  models_.SetResidency(two_, {.weight_bytes = 1000, .mapped_bytes = 500, .resident_bytes = 991});
  ASSERT_THAT(registry_->Swap("m", one_, {}), IsOk());
  models_.SetResidency(one_, {.weight_bytes = 1000, .mapped_bytes = 988, .resident_bytes = {}});
  ASSERT_THAT(registry_->Swap("m", two_, {}), IsOk());
  ASSERT_THAT(registry_->Swap("m", one_, {.warm = WarmMode::kNone}), IsOk());
  ASSERT_THAT(registry_->Swap("m", two_, {.warm = WarmMode::kForward}), IsOk());
  EXPECT_EQ(models_.deeds(),
            (std::vector<std::string>{"warm populate " + one_, "warm forward " + two_}));
}

TEST_F(ModelRegistryTest, WhereReadyMeansWarmASwapWarms) {
  auto roots = ModelRoots::Create({root_.path()}, {});
  ASSERT_THAT(roots, IsOk());
  ModelRegistry registry({.loader = models_.Loader(),
                          .roots = *std::move(roots),
                          .end_requests = [](LoadedModel*) {},
                          .loading_tasks = &tasks_,
                          .ready_when_warm = true});
  ASSERT_THAT(registry.Load("m", one_, false), IsOk());
  ASSERT_THAT(registry.Swap("m", two_, {}), IsOk());
  ASSERT_THAT(registry.Swap("m", one_, {.warm = WarmMode::kNone}), IsOk());
  EXPECT_EQ(models_.deeds(),
            (std::vector<std::string>{"warm populate " + one_, "warm populate " + two_}));
}

TEST_F(ModelRegistryTest, AWarmThatFailsLeavesTheOldVersion) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  models_.SetWarmStatus(two_, absl::DataLossError("model.safetensors: truncated"));
  EXPECT_THAT(registry_->Swap("m", two_, {.warm = WarmMode::kPopulate}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("truncated")));
  EXPECT_EQ((*Acquire("m"))->version, 1);
  models_.AwaitAlive(1);
  EXPECT_EQ(registry_->List().size(), 1u);
}

TEST_F(ModelRegistryTest, ALoadIsCancelledWhereverItIs) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  absl::Status first;
  // In its tokenizer: noticed when that is built.
  models_.Hold(two_);
  std::thread in_tokenizer([&] { first = registry_->Swap("m", two_, {}).status(); });
  models_.AwaitHeld();
  EXPECT_EQ(registry_->Get("m", 2)->state, ModelState::kLoading);
  ASSERT_THAT(registry_->Unload("m", 2, absl::ZeroDuration()), IsOk());
  models_.Release();
  in_tokenizer.join();
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kCancelled, HasSubstr("version 2")));
  // While it is warmed: noticed at once.
  absl::Status second;
  models_.HoldWarm(two_);
  std::thread in_warm(
      [&] { second = registry_->Swap("m", two_, {.warm = WarmMode::kPopulate}).status(); });
  models_.AwaitHeld();
  registry_->CancelLoads(absl::UnavailableError("draining"));
  in_warm.join();
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ((*Acquire("m"))->version, 1);
  models_.AwaitAlive(1);
}

TEST_F(ModelRegistryTest, WarmAndParkReachTheVersionAskedFor) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  ASSERT_THAT(registry_->Swap("m", two_, {.keep_previous = true}), IsOk());
  ASSERT_THAT(registry_->SetAlias({"prod", "m", std::nullopt}, std::nullopt), IsOk());
  const Cancellation never;
  EXPECT_EQ(registry_->Warm("prod", std::nullopt, WarmMode::kPopulate, never)->version, 2);
  EXPECT_EQ(registry_->Park("m", 1)->version, 1);
  EXPECT_EQ(models_.deeds(), (std::vector<std::string>{"warm populate " + two_, "park " + one_}));
  EXPECT_TRUE(IsParked(1));
  EXPECT_FALSE(IsParked(2));
  ASSERT_THAT(registry_->Rollback("m", std::nullopt), IsOk());
  EXPECT_FALSE(registry_->Get("m", 1)->last_used.has_value());
  ASSERT_THAT(Acquire("m"), IsOk());
  EXPECT_TRUE(registry_->Get("m", 1)->last_used.has_value());
  EXPECT_FALSE(IsParked(1));  // a request has woken it
}

TEST_F(ModelRegistryTest, AVersionThatAnAliasLeavesDrains) {
  ASSERT_THAT(registry_->Load("m", one_, false), IsOk());
  ASSERT_THAT(registry_->SetAlias({"prod", "m", 1}, std::nullopt), IsOk());
  ASSERT_THAT(registry_->Swap("m", two_, {}), IsOk());
  EXPECT_EQ((*Acquire("prod"))->version, 1);
  EXPECT_EQ((*Acquire("prod"))->name, "m");
  absl::StatusOr<ModelPin> pin = Acquire("prod");
  const auto target = registry_->SetAlias({"prod", "m", 2}, absl::ZeroDuration());
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->model.version, 2);
  {
    MutexLock lock(&mutex_);
    while (ended_ == 0) changed_.Wait(&mutex_);
  }
  pin = ModelPin();
  models_.AwaitAlive(1);
}

TEST_F(ModelRegistryTest, ARequestThatNoLongerWaitsMakesRoom) {
  registry_->Declare({{.name = "m", .directory = one_}});
  const auto held = std::make_shared<int>(0);
  std::vector<ModelRegistry::AcquireId> ids;
  for (int i = 0; i < 2; ++i) {
    ids.push_back(registry_->Acquire(
        "m", [held](absl::StatusOr<ModelPin> pin) { *held += pin.ok() ? 1 : 100; }));
  }
  EXPECT_EQ(held.use_count(), 3);
  registry_->CancelAcquire(ids[0]);
  EXPECT_EQ(held.use_count(), 2);  // the callback is gone, and what it held
  ids.push_back(registry_->Acquire("m", [held](absl::StatusOr<ModelPin>) { *held += 10; }));
  EXPECT_NE(ids[2], 0u);
  registry_->CancelAcquire(ids[0]);  // once more, without effect
  EXPECT_EQ(registry_->LoadDeclared(), 0);
  EXPECT_EQ(*held, 11);
}

TEST_F(ModelRegistryTest, LoadsFromOutsideTheRootsAreRefused) {
  EXPECT_THAT(registry_->Load("m", "/", false),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("model root")));
  EXPECT_THAT(registry_->Load("m", root_.File("one/../../"), false),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("model root")));
  EXPECT_THAT(registry_->Load("m", root_.File("missing"), false),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
}

TEST(ModelRootsTest, LinksAreJudgedByWhereTheyLead) {
  const TemporaryDirectory root;
  const TemporaryDirectory outside;
  outside.Write("secret/config.json", "{}");
  // A Hugging Face cache folder: links that stay inside.
  root.Write("models--o--n/blobs/hash", "{}");
  std::filesystem::create_directories(root.File("models--o--n/snapshots/rev"));
  std::filesystem::create_symlink("../../blobs/hash",
                                  root.File("models--o--n/snapshots/rev/config.json"));
  std::filesystem::create_directory_symlink(outside.File("secret"), root.File("link"));
  root.Write("mixed/config.json", "{}");
  std::filesystem::create_symlink("/etc/hostname", root.File("mixed/model.safetensors"));
  const auto roots = ModelRoots::Create({root.path()}, {});
  ASSERT_THAT(roots, IsOk());
  EXPECT_THAT(roots->Check(root.File("models--o--n")), IsOk());
  const auto refused = StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("leads to"));
  EXPECT_THAT(roots->Check(root.File("link")), refused);
  EXPECT_THAT(roots->Check(root.File("mixed")), refused);
}

TEST(ModelRootsTest, WithoutRootsTheParentsOfTheModelsCount) {
  const TemporaryDirectory root;
  root.Write("models/a/config.json", "{}");
  root.Write("models/b/config.json", "{}");
  root.Write("other/c/config.json", "{}");
  const auto roots = ModelRoots::Create({}, {{.name = "a", .directory = root.File("models/a/")}});
  ASSERT_THAT(roots, IsOk());
  EXPECT_THAT(roots->Check(root.File("models/b")), IsOk());
  EXPECT_THAT(roots->Check(root.File("other/c")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("model root")));
  const auto none = ModelRoots::Create({}, {});
  EXPECT_THAT(none->Check(root.File("models/b")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("--model-root")));
  EXPECT_THAT(ModelRoots::Create({root.File("absent")}, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
}

}  // namespace
}  // namespace firstlight
