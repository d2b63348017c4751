#include "server/models/park_policy.h"

#include <array>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(100);

// Of the files that the letters name.
ParkCandidate Idle(std::string_view files, absl::Duration idle_for) {
  static constexpr std::array<char, 128> kFiles = {};
  ParkCandidate candidate;
  candidate.last_wanted = kNow - idle_for;
  for (const char file : files) candidate.mappings.push_back(&kFiles[static_cast<size_t>(file)]);
  return candidate;
}

std::vector<size_t> Choose(const std::vector<ParkCandidate>& candidates, absl::Duration idle_park,
                           bool memory_is_short = false) {
  return ChooseToPark(candidates, kNow, idle_park, memory_is_short);
}

using Chosen = std::vector<size_t>;

TEST(ParkPolicyTest, WhatIsIdleLongEnoughIsParkedLongestFirst) {
  const std::vector<ParkCandidate> models = {Idle("a", absl::Minutes(5)), Idle("b", absl::Hours(2)),
                                             Idle("c", absl::Minutes(10))};
  EXPECT_EQ(Choose(models, absl::Minutes(10)), (Chosen{1, 2}));
  EXPECT_EQ(Choose(models, absl::InfiniteDuration()), Chosen{});
}

TEST(ParkPolicyTest, WhatIsInUseOrParkedIsLeftAlone) {
  std::vector<ParkCandidate> models = {Idle("a", absl::Hours(2)), Idle("b", absl::Hours(2))};
  models[0].in_use = true;
  models[1].parked = true;
  EXPECT_EQ(Choose(models, absl::Hours(1), true), Chosen{});
}

TEST(ParkPolicyTest, MemoryTakesTheLeastRecentlyUsedOneAtALook) {
  std::vector<ParkCandidate> models = {Idle("a", absl::Seconds(20)), Idle("b", absl::Seconds(60)),
                                       Idle("c", absl::Seconds(40))};
  EXPECT_EQ(Choose(models, absl::InfiniteDuration(), true), Chosen{1});
  models[1].parked = true;
  EXPECT_EQ(Choose(models, absl::InfiniteDuration(), true), Chosen{2});
  models[2].parked = true;
  EXPECT_EQ(Choose(models, absl::InfiniteDuration(), true), Chosen{0});
}

TEST(ParkPolicyTest, MemoryLeavesWhatWasJustUsed) {
  EXPECT_EQ(Choose({Idle("a", kLeastIdle - absl::Milliseconds(1))}, absl::InfiniteDuration(), true),
            Chosen{});
  EXPECT_EQ(Choose({Idle("a", kLeastIdle)}, absl::InfiniteDuration(), true), Chosen{0});
}

TEST(ParkPolicyTest, ModelsOfOneFileAreIdleTogether) {
  const std::vector<ParkCandidate> models = {Idle("ab", absl::Hours(2)), Idle("bc", absl::Hours(3)),
                                             Idle("cd", absl::Minutes(1)),
                                             Idle("e", absl::Hours(4))};
  EXPECT_EQ(Choose(models, absl::Hours(1)), (Chosen{3, 0}));
}

TEST(ParkPolicyTest, VersionsOfOneCheckpointAreIdleTogether) {
  std::vector<ParkCandidate> models = {Idle("a", absl::Hours(2)), Idle("a", absl::Minutes(1))};
  EXPECT_EQ(Choose(models, absl::Hours(1)), Chosen{});
  models[1] = Idle("a", absl::Hours(3));
  EXPECT_EQ(Choose(models, absl::Hours(1)), (Chosen{0, 1}));
  models[1].in_use = true;
  EXPECT_EQ(Choose(models, absl::Hours(1)), Chosen{});
}

}  // namespace
}  // namespace firstlight
