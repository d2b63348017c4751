#include "loader/mapped_files.h"

#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "loader/checkpoint.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

TEST(MappedFilesTest, OneMappingForAllPathsToAFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("file", "contents");
  std::filesystem::create_hard_link(path, directory.File("hard"));
  std::filesystem::create_symlink(path, directory.File("soft"));
  directory.Write("copy", "contents");
  MappedFiles files;
  const auto file = files.Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(files.Open(path).value(), *file);
  EXPECT_EQ(files.Open(directory.File("hard")).value(), *file);
  EXPECT_EQ(files.Open(directory.File("soft")).value(), *file);
  EXPECT_NE(files.Open(directory.File("copy")).value(), *file);
  EXPECT_FALSE(files.Open(directory.File("absent")).ok());
}

TEST(MappedFilesTest, AFileThatWasOverwrittenIsMappedAnew) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("file", "contents");
  MappedFiles files;
  const auto before = files.Open(path).value();
  directory.Write("file", "longer contents");
  const auto after = files.Open(path).value();
  EXPECT_NE(after, before);
  EXPECT_EQ(files.Open(path).value(), after);
}

TEST(MappedFilesTest, KeepsNothingMapped) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("file", "contents");
  MappedFiles files;
  std::shared_ptr<const MappedFile> file = files.Open(path).value();
  const std::weak_ptr<const MappedFile> weak = file;
  file.reset();
  EXPECT_TRUE(weak.expired());
  EXPECT_THAT(files.Open(path), IsOk());
}

TEST(MappedFilesTest, CheckpointsShareTheirWeights) {
  MappedFiles files;
  const std::string demo = FIRSTLIGHT_SOURCE_DIRECTORY "/models/demo";
  const auto one = Checkpoint::Open(demo, &files).value();
  const auto other = Checkpoint::Open(demo, &files).value();
  ASSERT_EQ(one->files().size(), 1U);
  EXPECT_EQ(one->files()[0], other->files()[0]);
  EXPECT_NE(Checkpoint::Open(demo).value()->files()[0], one->files()[0]);
}

}  // namespace
}  // namespace firstlight
