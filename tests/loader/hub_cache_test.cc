#include "loader/hub_cache.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

TEST(HubCacheTest, APlainDirectoryIsItself) {
  const TemporaryDirectory directory;
  EXPECT_EQ(*ResolveModelDirectory(directory.path()), directory.path());
  directory.Write("config.json", "{}");
  EXPECT_EQ(*ResolveModelDirectory(directory.path()), directory.path());
}

TEST(HubCacheTest, ACacheFolderIsTheSnapshotThatMainNames) {
  const TemporaryDirectory directory;
  directory.Write("models--org--name/snapshots/0123abcd/config.json", "{}");
  directory.Write("models--org--name/snapshots/ffff/config.json", "{}");
  directory.Write("models--org--name/refs/main", "0123abcd\n");
  const std::string folder = directory.File("models--org--name");
  EXPECT_EQ(*ResolveModelDirectory(folder), folder + "/snapshots/0123abcd");
  EXPECT_EQ(*ResolveModelDirectory(folder + "/snapshots/ffff"), folder + "/snapshots/ffff");
}

TEST(HubCacheTest, RefusesACacheFolderThatDoesNotAddUp) {
  const TemporaryDirectory directory;
  directory.Write("snapshots/0123/config.json", "{}");
  EXPECT_THAT(ResolveModelDirectory(directory.path()), StatusIs(kNotFound, HasSubstr("refs/main")));
  directory.Write("refs/main", "4567");
  EXPECT_THAT(ResolveModelDirectory(directory.path()),
              StatusIs(kNotFound, HasSubstr("snapshots/4567: no such directory")));
  for (const char* revision : {"../..", "..", "/etc", "a/b", "", "a\nb"}) {
    directory.Write("refs/main", revision);
    EXPECT_THAT(ResolveModelDirectory(directory.path()), StatusIs(kInvalid, HasSubstr("refs/main")))
        << revision;
  }
  directory.Write("refs/main", std::string(1000, 'a'));
  EXPECT_THAT(ResolveModelDirectory(directory.path()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("refs/main")));
}

TEST(HubCacheTest, RefusesWhatIsNotADirectory) {
  const TemporaryDirectory directory;
  EXPECT_THAT(ResolveModelDirectory(directory.File("absent")),
              StatusIs(kNotFound, HasSubstr("absent: no such directory")));
  EXPECT_THAT(ResolveModelDirectory(directory.Write("file", "x")),
              StatusIs(kInvalid, HasSubstr("expected a model directory, found a file")));
}

TEST(HubCacheTest, FileNamesAreJudgedAsText) {
  EXPECT_THAT(CheckFileName("model-00001-of-00030.safetensors"), IsOk());
  EXPECT_THAT(CheckFileName("..model"), IsOk());
  EXPECT_THAT(CheckFileName(std::string(255, 'a')), IsOk());
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../x"), std::string("/x"),
        std::string("a/b"), std::string("a\0b", 3), std::string("a\n"), std::string(256, 'a')}) {
    EXPECT_THAT(CheckFileName(name), StatusIs(kInvalid, HasSubstr("the same directory"))) << name;
  }
}

}  // namespace
}  // namespace firstlight
