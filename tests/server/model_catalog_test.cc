#include "server/model_catalog.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/fake_models.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

constexpr auto kAdmin = ModelCatalog::Origin::kAdmin;
constexpr auto kCommandLine = ModelCatalog::Origin::kCommandLine;

class ModelCatalogTest : public ::testing::Test {
 protected:
  std::shared_ptr<ServedModel> Serve(const std::string& name, int64_t version) {
    auto model = std::make_shared<ServedModel>();
    model->name = name;
    model->version = version;
    model->loaded = *models_.Loader()("dir");
    return model;
  }
  // Loads `name` as the admin does and returns its version.
  int64_t Load(const std::string& name) {
    const absl::StatusOr<int64_t> version = catalog_.BeginLoad(name, "dir", kAdmin);
    EXPECT_THAT(version, IsOk());
    catalog_.FinishLoad(Serve(name, *version), absl::Seconds(1), absl::InfiniteFuture());
    return *version;
  }
  ModelState StateOf(const std::string& name, int64_t version) {
    const auto snapshot = catalog_.Get(name, version);
    EXPECT_THAT(snapshot, IsOk());
    return snapshot.ok() ? snapshot->state : ModelState::kFailed;
  }

  FakeModels models_;
  ModelCatalog catalog_;
};

TEST_F(ModelCatalogTest, VersionsOnlyGrowOverAllNames) {
  EXPECT_EQ(Load("a"), 1);
  EXPECT_EQ(Load("b"), 2);
  EXPECT_THAT(catalog_.Unload("a", absl::InfiniteFuture()), IsOk());
  catalog_.Forget("a", 1);
  EXPECT_EQ(Load("a"), 3);
}

TEST_F(ModelCatalogTest, AModelOfTheCommandLineResolvesWhileItLoads) {
  ASSERT_THAT(catalog_.BeginLoad("a", "dir", kCommandLine), IsOk());
  const auto resolution = catalog_.Resolve("a");
  ASSERT_THAT(resolution, IsOk());
  EXPECT_EQ(resolution->model, nullptr);
  EXPECT_THAT(catalog_.Resolve(""), IsOk());
}

TEST_F(ModelCatalogTest, AModelOfTheAdminResolvesOnceItIsActive) {
  const auto version = catalog_.BeginLoad("a", "dir", kAdmin);
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none is loaded")));
  catalog_.FinishLoad(Serve("a", *version), absl::Seconds(1), absl::InfiniteFuture());
  EXPECT_NE(catalog_.Resolve("a")->model, nullptr);
}

TEST_F(ModelCatalogTest, TheEmptyNameIsTheOnlyOne) {
  EXPECT_THAT(catalog_.Resolve(""), StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  Load("a");
  EXPECT_EQ(catalog_.Resolve("")->name, "a");
  Load("b");
  EXPECT_THAT(catalog_.Resolve(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a, b")));
  EXPECT_THAT(catalog_.Resolve("c"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"c\"")));
}

TEST_F(ModelCatalogTest, ASwapMovesTheNameInOneStepAndTheOldVersionDrains) {
  const int64_t old = Load("a");
  const auto version = catalog_.BeginSwap("a", "dir2");
  ASSERT_THAT(version, IsOk());
  EXPECT_EQ(catalog_.Resolve("a")->model->version, old);
  const auto dropped =
      catalog_.FinishLoad(Serve("a", *version), absl::Seconds(1), absl::InfiniteFuture());
  ASSERT_NE(dropped, nullptr);
  EXPECT_EQ(dropped->version, old);
  EXPECT_EQ(catalog_.Resolve("a")->model->version, *version);
  EXPECT_EQ(StateOf("a", old), ModelState::kDraining);
  catalog_.Forget("a", old);
  EXPECT_THAT(catalog_.Get("a", old), StatusIs(absl::StatusCode::kNotFound, HasSubstr("version")));
}

TEST_F(ModelCatalogTest, AFailedSwapChangesNothing) {
  const int64_t old = Load("a");
  const auto version = catalog_.BeginSwap("a", "dir2");
  catalog_.FailLoad("a", *version, absl::InvalidArgumentError("broken"));
  EXPECT_EQ(catalog_.Resolve("a")->model->version, old);
  EXPECT_EQ(StateOf("a", old), ModelState::kActive);
  EXPECT_EQ(catalog_.List().size(), 1u);
  EXPECT_THAT(catalog_.BeginSwap("a", "dir3"), IsOk());
}

TEST_F(ModelCatalogTest, OneOperationOnANameAtATime) {
  Load("a");
  ASSERT_THAT(catalog_.BeginSwap("a", "dir2"), IsOk());
  const auto busy = StatusIs(absl::StatusCode::kAborted, HasSubstr("under way"));
  EXPECT_THAT(catalog_.BeginSwap("a", "dir3"), busy);
  EXPECT_THAT(catalog_.BeginLoad("a", "dir3", kAdmin), busy);
  EXPECT_THAT(catalog_.Unload("a", absl::InfiniteFuture()), busy);
  EXPECT_EQ(Load("b"), 3);
}

TEST_F(ModelCatalogTest, WrongOperationsAreRefused) {
  Load("a");
  EXPECT_THAT(catalog_.BeginLoad("a", "dir", kAdmin),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("version 1")));
  EXPECT_THAT(catalog_.BeginSwap("b", "dir"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
  EXPECT_THAT(catalog_.Unload("b", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
}

TEST_F(ModelCatalogTest, AFailedModelSaysWhyAndCanBeReplaced) {
  const auto version = catalog_.BeginLoad("a", "dir", kCommandLine);
  catalog_.FailLoad("a", *version, absl::InvalidArgumentError("config.json: bad"));
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("config.json: bad")));
  Load("b");
  EXPECT_EQ(catalog_.Resolve("")->name, "b");  // the only one that works
  EXPECT_EQ(Load("a"), 3);
  EXPECT_EQ(catalog_.List().size(), 2u);  // the failed version is gone
}

TEST_F(ModelCatalogTest, ATokenizerThatFailsFailsTheModel) {
  const int64_t version = Load("a");
  EXPECT_NE(catalog_.FailActive("a", version, absl::UnimplementedError("Unigram")), nullptr);
  EXPECT_EQ(StateOf("a", version), ModelState::kFailed);
  catalog_.Forget("a", version);  // destroyed, but its reason stays
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Unigram")));
  EXPECT_EQ(catalog_.FailActive("a", version, absl::UnimplementedError("again")), nullptr);
}

TEST_F(ModelCatalogTest, DrainsAreOverdueOnce) {
  Load("a");
  const absl::Time deadline = absl::UnixEpoch() + absl::Seconds(10);
  EXPECT_EQ(catalog_.next_drain_deadline(), absl::InfiniteFuture());
  const auto unloaded = catalog_.Unload("a", deadline);
  ASSERT_THAT(unloaded, IsOk());
  EXPECT_EQ(unloaded->model.state, ModelState::kDraining);
  EXPECT_EQ(catalog_.next_drain_deadline(), deadline);
  EXPECT_TRUE(catalog_.TakeOverdue(deadline - absl::Seconds(1)).empty());
  EXPECT_EQ(catalog_.TakeOverdue(deadline).size(), 1u);
  EXPECT_TRUE(catalog_.TakeOverdue(deadline).empty());
  EXPECT_THAT(catalog_.Resolve("a"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("a")));
}

TEST_F(ModelCatalogTest, ChangesTellTheWholeStory) {
  Load("a");
  const auto version = catalog_.BeginSwap("a", "dir2");
  const auto old =
      catalog_.FinishLoad(Serve("a", *version), absl::Seconds(1), absl::InfiniteFuture());
  catalog_.Forget("a", 1);
  const auto unloaded = catalog_.Unload("a", absl::InfiniteFuture());
  catalog_.Forget("a", 2);
  std::string story;
  for (const ModelChange& change : catalog_.TakeChanges()) {
    story += std::to_string(change.model.version) +
             (change.type == ModelChangeType::kRemoved
                  ? std::string(" removed")
                  : " " + std::string(ModelStateName(change.model.state))) +
             (change.name_serves ? " serves" : "") + (change.name_exists ? "" : " gone") + "\n";
  }
  EXPECT_EQ(story,
            "1 LOADING\n1 ACTIVE serves\n2 LOADING serves\n2 ACTIVE serves\n1 DRAINING serves\n"
            "1 removed serves\n2 DRAINING\n2 removed gone\n");
  EXPECT_TRUE(catalog_.TakeChanges().empty());
}

}  // namespace
}  // namespace firstlight
