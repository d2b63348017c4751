#include "server/models/model_catalog.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/models/model_catalog_harness.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

TEST_F(ModelCatalogTest, VersionsOnlyGrowOverAllNames) {
  EXPECT_EQ(Load("a"), 1);
  EXPECT_EQ(Load("b"), 2);
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()), IsOk());
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
  const auto started = catalog_.BeginLoad("a", "dir", kAdmin);
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none is loaded")));
  Finish("a", started->version);
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
  const auto started = catalog_.BeginSwap("a", "dir2");
  ASSERT_THAT(started, IsOk());
  EXPECT_EQ(Current("a"), old);
  const auto switched = Finish("a", started->version);
  ASSERT_EQ(switched.dropped.size(), 1u);
  EXPECT_EQ(switched.dropped[0]->version, old);
  EXPECT_EQ(switched.previous.version, old);
  EXPECT_EQ(switched.previous.state, ModelState::kDraining);
  EXPECT_TRUE(switched.current.current);
  EXPECT_EQ(Current("a"), started->version);
  EXPECT_EQ(StateOf("a", old), ModelState::kDraining);
  catalog_.Forget("a", old);
  EXPECT_THAT(catalog_.Get("a", old), StatusIs(absl::StatusCode::kNotFound, HasSubstr("version")));
}

TEST_F(ModelCatalogTest, AFailedSwapChangesNothing) {
  const int64_t old = Load("a");
  const auto started = catalog_.BeginSwap("a", "dir2");
  catalog_.FailLoad("a", started->version, absl::InvalidArgumentError("broken"));
  EXPECT_EQ(Current("a"), old);
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
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()), busy);
  EXPECT_EQ(Load("b"), 3);
}

TEST_F(ModelCatalogTest, WrongOperationsAreRefused) {
  Load("a");
  EXPECT_THAT(catalog_.BeginLoad("a", "dir", kAdmin),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("version 1")));
  EXPECT_THAT(catalog_.BeginSwap("b", "dir"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
  EXPECT_THAT(catalog_.Unload("b", std::nullopt, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
}

TEST_F(ModelCatalogTest, AFailedModelSaysWhyAndCanBeReplaced) {
  const auto started = catalog_.BeginLoad("a", "dir", kCommandLine);
  catalog_.FailLoad("a", started->version, absl::InvalidArgumentError("config.json: bad"));
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("config.json: bad")));
  Load("b");
  EXPECT_EQ(catalog_.Resolve("")->name, "b");  // the only one that works
  EXPECT_EQ(Load("a"), 3);
  EXPECT_EQ(catalog_.List().size(), 2u);  // the failed version is gone
}

TEST_F(ModelCatalogTest, ATokenizerThatFailsFailsTheModel) {
  const int64_t version = Load("a");
  EXPECT_EQ(catalog_.Fail("a", version, absl::UnimplementedError("Unigram")).size(), 1u);
  EXPECT_EQ(StateOf("a", version), ModelState::kFailed);
  catalog_.Forget("a", version);  // destroyed, but its reason stays
  EXPECT_THAT(catalog_.Resolve("a"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Unigram")));
  EXPECT_TRUE(catalog_.Fail("a", version, absl::UnimplementedError("again")).empty());
}

TEST_F(ModelCatalogTest, DrainsAreOverdueOnce) {
  Load("a");
  const absl::Time deadline = absl::UnixEpoch() + absl::Seconds(10);
  EXPECT_EQ(catalog_.next_drain_deadline(), absl::InfiniteFuture());
  const auto unloaded = catalog_.Unload("a", std::nullopt, deadline);
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
  Swap("a");
  catalog_.Forget("a", 1);
  const auto unloaded = catalog_.Unload("a", std::nullopt, absl::InfiniteFuture());
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

TEST_F(ModelCatalogTest, ASwapThatKeepsPutsTheOldVersionInStandby) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  EXPECT_EQ(States("a"), "1 STANDBY, 2 ACTIVE");
  EXPECT_TRUE(in_use_.empty());  // the catalog holds it
  // Only what was current before is kept, and a swap that keeps nothing drops that, too.
  Swap("a", /*keep_previous=*/true);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 STANDBY, 3 ACTIVE");
  Swap("a");
  EXPECT_EQ(States("a"), "1 DRAINING, 2 DRAINING, 3 DRAINING, 4 ACTIVE");
}

TEST_F(ModelCatalogTest, AFailedSwapKeepsWhatAnEarlierOneKept) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  const auto started = catalog_.BeginSwap("a", "dir");
  catalog_.FailLoad("a", started->version, absl::InvalidArgumentError("broken"));
  EXPECT_EQ(States("a"), "1 STANDBY, 2 ACTIVE");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()), IsOk());
}

TEST_F(ModelCatalogTest, ARollbackExchangesTheTwo) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  const auto back = catalog_.Rollback("a", absl::InfiniteFuture());
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->current.version, 1);
  EXPECT_EQ(back->previous.version, 2);
  EXPECT_TRUE(back->dropped.empty());
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 STANDBY");
  EXPECT_EQ(Current("a"), 1);
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(States("a"), "1 STANDBY, 2 ACTIVE");
}

TEST_F(ModelCatalogTest, ARollbackNeedsSomethingToGoBackTo) {
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"a\"")));
  Load("a");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("keep_previous")));
  Swap("a", /*keep_previous=*/true);
  ASSERT_THAT(catalog_.BeginSwap("a", "dir"), IsOk());
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("version 3")));
}

TEST_F(ModelCatalogTest, ARollbackFromAFailedVersionLetsItGo) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  in_use_ = catalog_.Fail("a", 2, absl::DataLossError("truncated"));
  EXPECT_EQ(States("a"), "1 STANDBY, 2 FAILED");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 DRAINING");
  catalog_.Forget("a", 2);
  EXPECT_EQ(States("a"), "1 ACTIVE");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("keep_previous")));
}

TEST_F(ModelCatalogTest, AKeptVersionThatFailsIsNothingToGoBackTo) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  EXPECT_EQ(catalog_.Fail("a", 1, absl::DataLossError("truncated")).size(), 1u);
  EXPECT_EQ(States("a"), "1 FAILED, 2 ACTIVE");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("keep_previous")));
  catalog_.Forget("a", 1);
  EXPECT_EQ(States("a"), "2 ACTIVE");
}

TEST_F(ModelCatalogTest, RequestsOfAKeptVersionHaveADeadlineUntilItServesAgain) {
  const absl::Time deadline = absl::UnixEpoch() + absl::Seconds(10);
  Load("a");
  Swap("a", /*keep_previous=*/true, deadline);
  EXPECT_EQ(catalog_.next_drain_deadline(), deadline);
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()), IsOk());
  EXPECT_EQ(catalog_.next_drain_deadline(), absl::InfiniteFuture());
  EXPECT_THAT(catalog_.Rollback("a", deadline), IsOk());
  ASSERT_EQ(catalog_.TakeOverdue(deadline).size(), 1u);
  EXPECT_EQ(States("a"), "1 STANDBY, 2 ACTIVE");
}

TEST_F(ModelCatalogTest, RequestsOfAKeptVersionKeepTheirDeadlineWhenItIsLetGo) {
  const absl::Time first = absl::UnixEpoch() + absl::Seconds(10);
  const absl::Time second = absl::UnixEpoch() + absl::Seconds(20);
  Load("a");
  Swap("a", /*keep_previous=*/true, first);
  Swap("a", /*keep_previous=*/false, second);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 DRAINING, 3 ACTIVE");
  EXPECT_EQ(catalog_.TakeOverdue(first).size(), 1u);
  EXPECT_EQ(catalog_.next_drain_deadline(), second);
}

TEST_F(ModelCatalogTest, AKeptVersionCanBeUnloadedAlone) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  const auto unloaded = catalog_.Unload("a", 1, absl::InfiniteFuture());
  ASSERT_THAT(unloaded, IsOk());
  EXPECT_EQ(unloaded->dropped.size(), 1u);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 ACTIVE");
  EXPECT_THAT(catalog_.Rollback("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("keep_previous")));
  EXPECT_THAT(catalog_.Unload("a", 7, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("version 7")));
}

TEST_F(ModelCatalogTest, UnloadingANameTakesWhatItKeepsToo) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  const auto unloaded = catalog_.Unload("a", std::nullopt, absl::InfiniteFuture());
  ASSERT_THAT(unloaded, IsOk());
  EXPECT_EQ(unloaded->model.version, 2);
  EXPECT_EQ(unloaded->dropped.size(), 2u);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 DRAINING");
}

TEST_F(ModelCatalogTest, ADrainingVersionCanBeHurried) {
  Load("a");
  Swap("a");
  const absl::Time deadline = absl::UnixEpoch() + absl::Seconds(1);
  EXPECT_THAT(catalog_.Unload("a", 1, deadline), IsOk());
  EXPECT_EQ(catalog_.TakeOverdue(deadline).size(), 1u);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 ACTIVE");
}

TEST_F(ModelCatalogTest, ACancelledLoadNeverServes) {
  const auto started = catalog_.BeginLoad("a", "dir", kAdmin);
  EXPECT_TRUE(started->cancellation->status().ok());
  const auto unloaded = catalog_.Unload("a", std::nullopt, absl::InfiniteFuture());
  ASSERT_THAT(unloaded, IsOk());
  EXPECT_EQ(unloaded->model.state, ModelState::kLoading);
  EXPECT_THAT(started->cancellation->status(),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("UnloadModel")));
  // It was bound all the same; the word comes first.
  EXPECT_THAT(catalog_.FinishLoad(Serve("a", started->version), absl::Seconds(1), {}),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("version 1")));
  EXPECT_TRUE(catalog_.List().empty());
  EXPECT_EQ(Load("a"), 2);
}

TEST_F(ModelCatalogTest, ACancelledSwapChangesNothing) {
  Load("a");
  const auto started = catalog_.BeginSwap("a", "dir");
  // Which of the two is meant has to be said.
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("version 2")));
  EXPECT_THAT(catalog_.Unload("a", 1, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("version 2")));
  EXPECT_THAT(catalog_.Unload("a", 2, absl::InfiniteFuture()), IsOk());
  EXPECT_FALSE(catalog_.FinishLoad(Serve("a", started->version), absl::Seconds(1), {}).ok());
  EXPECT_EQ(States("a"), "1 ACTIVE");
  EXPECT_EQ(Current("a"), 1);
  Swap("a");
}

TEST_F(ModelCatalogTest, ACancelledModelOfTheCommandLineIsGone) {
  const auto started = catalog_.BeginLoad("a", "dir", kCommandLine);
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()), IsOk());
  EXPECT_FALSE(catalog_.FinishLoad(Serve("a", started->version), absl::Seconds(1), {}).ok());
  EXPECT_THAT(catalog_.Resolve("a"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"a\"")));
}

TEST_F(ModelCatalogTest, CancellingLoadsReachesThoseThatComeLater) {
  const auto before = catalog_.BeginLoad("a", "dir", kAdmin);
  catalog_.CancelLoads(absl::UnavailableError("draining"));
  const auto after = catalog_.BeginLoad("b", "dir", kAdmin);
  EXPECT_THAT(before->cancellation->status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_THAT(after->cancellation->status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
}

TEST_F(ModelCatalogTest, WarmingAndParkingNeedAMappedVersion) {
  ASSERT_THAT(catalog_.BeginLoad("a", "dir", kCommandLine), IsOk());
  EXPECT_THAT(catalog_.Mapped("a", std::nullopt),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("LOADING")));
  EXPECT_THAT(catalog_.Mapped("b", std::nullopt),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
  Finish("a", 1);
  Swap("a", /*keep_previous=*/true);
  ASSERT_THAT(SetAlias("prod", "a"), IsOk());
  EXPECT_EQ((*catalog_.Mapped("prod", std::nullopt))->version, 2);
  EXPECT_EQ((*catalog_.Mapped("a", 1))->version, 1);
  EXPECT_THAT(catalog_.Mapped("a", 3), StatusIs(absl::StatusCode::kNotFound, HasSubstr("found 3")));
}

}  // namespace
}  // namespace firstlight
