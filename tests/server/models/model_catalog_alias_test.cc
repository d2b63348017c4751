// Aliases: what they point at, what that keeps, and what it forbids.

#include "server/models/model_catalog.h"

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/models/model_catalog_harness.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

TEST_F(ModelCatalogTest, AnAliasOfANameFollowsIt) {
  Load("a");
  ASSERT_THAT(SetAlias("prod", "a"), IsOk());
  EXPECT_EQ(catalog_.Resolve("prod")->name, "a");
  EXPECT_EQ(Current("prod"), 1);
  Swap("a");
  EXPECT_EQ(Current("prod"), 2);
  EXPECT_EQ(States("a"), "1 DRAINING, 2 ACTIVE");
  EXPECT_EQ(catalog_.Get("prod", std::nullopt)->aliases, std::vector<std::string>{"prod"});
}

TEST_F(ModelCatalogTest, AnAliasOfAVersionKeepsItServing) {
  Load("a");
  ASSERT_THAT(SetAlias("prod", "a", 1), IsOk());
  Swap("a");
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 ACTIVE");
  EXPECT_EQ(Current("prod"), 1);
  EXPECT_EQ(Current("a"), 2);
  EXPECT_FALSE(catalog_.Get("a", 1)->current);
  // Moving it on lets the version go.
  ASSERT_THAT(SetAlias("prod", "a", 2), IsOk());
  EXPECT_EQ(States("a"), "1 DRAINING, 2 ACTIVE");
  EXPECT_EQ(Current("prod"), 2);
}

TEST_F(ModelCatalogTest, AVersionThatAnAliasLeavesIsKeptWhereASwapKeptIt) {
  Load("a");
  ASSERT_THAT(SetAlias("prod", "a", 1), IsOk());
  Swap("a", /*keep_previous=*/true);
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 ACTIVE");
  const auto deleted = catalog_.DeleteAlias("prod", absl::InfiniteFuture());
  ASSERT_THAT(deleted, IsOk());
  EXPECT_EQ(deleted->alias.version, 1);
  EXPECT_EQ(States("a"), "1 STANDBY, 2 ACTIVE");
  // And an alias brings it back.
  ASSERT_THAT(SetAlias("prod", "a", 1), IsOk());
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 ACTIVE");
}

TEST_F(ModelCatalogTest, AnAliasPointsAtWhatServesAndHidesNothing) {
  Load("a");
  Load("b");
  EXPECT_THAT(SetAlias("prod", "c"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"c\"")));
  EXPECT_THAT(SetAlias("prod", "a", 2),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("version 2")));
  EXPECT_THAT(SetAlias("b", "a"), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("\"b\"")));
  Swap("a");
  EXPECT_THAT(SetAlias("prod", "a", 1),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("DRAINING")));
  ASSERT_THAT(SetAlias("prod", "a"), IsOk());
  EXPECT_THAT(SetAlias("other", "prod"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("an alias of model \"a\"")));
  for (const auto& status :
       {catalog_.BeginLoad("prod", "dir", kAdmin).status(), catalog_.CheckLoad("prod")}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("an alias of")));
  }
  EXPECT_THAT(catalog_.BeginSwap("prod", "dir"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("an alias of")));
  EXPECT_THAT(catalog_.DeleteAlias("a", absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"a\"")));
}

TEST_F(ModelCatalogTest, WhatAnAliasPointsAtIsNotUnloaded) {
  Load("a");
  Swap("a", /*keep_previous=*/true);
  ASSERT_THAT(SetAlias("prod", "a", 1), IsOk());
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("\"prod\""));
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()), refused);
  EXPECT_THAT(catalog_.Unload("a", 1, absl::InfiniteFuture()), refused);
  EXPECT_EQ(States("a"), "1 ACTIVE, 2 ACTIVE");
  EXPECT_THAT(catalog_.DeleteAlias("prod", absl::InfiniteFuture()), IsOk());
  EXPECT_THAT(catalog_.Unload("a", std::nullopt, absl::InfiniteFuture()), IsOk());
}

TEST_F(ModelCatalogTest, AnAliasedVersionThatFailsSaysSo) {
  Load("a");
  ASSERT_THAT(SetAlias("prod", "a", 1), IsOk());
  Swap("a");
  in_use_ = catalog_.Fail("a", 1, absl::DataLossError("truncated"));
  catalog_.Forget("a", 1);  // destroyed, but its reason stays
  EXPECT_THAT(catalog_.Resolve("prod"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("truncated")));
  in_use_.clear();
  ASSERT_THAT(SetAlias("prod", "a"), IsOk());
  EXPECT_EQ(States("a"), "2 ACTIVE");
}

TEST_F(ModelCatalogTest, ChangesTellOfAliases) {
  Load("a");
  Load("b");
  catalog_.TakeChanges();
  ASSERT_THAT(SetAlias("prod", "a"), IsOk());
  ASSERT_THAT(SetAlias("prod", "b"), IsOk());
  EXPECT_THAT(catalog_.DeleteAlias("prod", absl::InfiniteFuture()), IsOk());
  std::string story;
  for (const ModelChange& change : catalog_.TakeChanges()) {
    story += change.model.name + ":" + std::to_string(change.model.aliases.size()) + "/" +
             std::to_string(change.aliases.size()) +
             (!change.aliases.empty() && change.aliases[0].serves ? " serves" : "") + "\n";
  }
  EXPECT_EQ(story, "a:1/1 serves\nb:1/1 serves\na:0/1 serves\nb:0/0\n");
}

}  // namespace
}  // namespace firstlight
