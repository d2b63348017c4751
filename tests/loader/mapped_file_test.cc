#include "loader/mapped_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

std::string Text(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(MappedFileTest, MapsTheWholeFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("weights", "some bytes");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(Text((*file)->bytes()), "some bytes");
  EXPECT_EQ((*file)->path(), path);
  EXPECT_EQ((*file)->name(), "weights");
  EXPECT_EQ((*file)->identity().size_bytes, 10);
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ((*file)->identity().inode, status.st_ino);
  EXPECT_EQ((*file)->identity().device, status.st_dev);
}

TEST(MappedFileTest, RefusesWhatIsNotARegularFileWithBytes) {
  const TemporaryDirectory directory;
  EXPECT_THAT(MappedFile::Open(directory.File("absent")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
  EXPECT_THAT(MappedFile::Open(directory.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("found a directory")));
  EXPECT_THAT(MappedFile::Open(directory.Write("empty", "")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  ASSERT_EQ(mkfifo(directory.File("fifo").c_str(), 0600), 0);
  EXPECT_THAT(MappedFile::Open(directory.File("fifo")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("special file")));
  EXPECT_THAT(MappedFile::Open("/dev/zero"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("special file")));
}

TEST(MappedFileTest, KeepsServingAFileThatIsRenamedOverOrDeleted) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("weights", "old bytes");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  std::filesystem::rename(directory.Write("new", "new bytes"), path);
  EXPECT_EQ(Text((*file)->bytes()), "old bytes");
  std::filesystem::remove(path);
  EXPECT_EQ(Text((*file)->bytes()), "old bytes");
  EXPECT_EQ((*file)->CurrentIdentity()->size_bytes, 9);
}

TEST(MappedFileTest, CheckUnchangedTellsWhatHappened) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("weights", "0123456789");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->CheckUnchanged(), IsOk());
  ASSERT_EQ(truncate(path.c_str(), 4), 0);
  EXPECT_THAT((*file)->CheckUnchanged(MappedFile::Attributes::kKnown),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("found 4: the file was truncated")));
  EXPECT_THAT((*file)->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("weights: expected 10 bytes, found 4: the file was truncated")));
  ASSERT_EQ(truncate(path.c_str(), 40), 0);
  EXPECT_THAT((*file)->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("extended")));
  // The same length, other bytes. The clock of file systems may stand still for a while, so the
  // time is set as a write a second later would.
  const std::string same = directory.Write("same", "0123456789");
  const auto overwritten = MappedFile::Open(same);
  ASSERT_THAT(overwritten, IsOk());
  directory.Write("same", "9876543210");
  std::filesystem::last_write_time(
      same, std::filesystem::last_write_time(same) + std::chrono::seconds(1));
  EXPECT_THAT((*overwritten)->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("written in place")));
}

TEST(MappedFileTest, WhatLeavesTheBytesAloneIsNoDamageButMayDetach) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("sub/weights", "0123456789");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  std::filesystem::create_hard_link(path, directory.File("link"));
  EXPECT_EQ((*file)->WhyDetached(), "");
  std::filesystem::rename(path, directory.File("elsewhere"));
  EXPECT_THAT((*file)->WhyDetached(), HasSubstr("deleted"));
  directory.Write("sub/weights", "0123456789");
  EXPECT_THAT((*file)->WhyDetached(), HasSubstr("replaced"));
  std::filesystem::remove_all(directory.File("sub"));
  EXPECT_THAT((*file)->WhyDetached(), HasSubstr("its directory is gone"));
  EXPECT_THAT((*file)->CheckUnchanged(), IsOk());
}

TEST(MappedFileTest, IdentityTellsTruncationAndOverwritingInPlace) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("weights", "0123456789");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(*(*file)->CurrentIdentity(), (*file)->identity());
  ASSERT_EQ(truncate(path.c_str(), 4), 0);
  EXPECT_EQ((*file)->CurrentIdentity()->size_bytes, 4);
  EXPECT_NE(*(*file)->CurrentIdentity(), (*file)->identity());
}

TEST(MappedFileTest, ReadAtReadsAndTellsTruncation) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("weights", "0123456789");
  const auto file = MappedFile::Open(path);
  ASSERT_THAT(file, IsOk());
  std::array<std::byte, 4> bytes = {};
  EXPECT_THAT((*file)->ReadAt(3, absl::MakeSpan(bytes)), IsOk());
  EXPECT_EQ(Text(bytes), "3456");
  ASSERT_EQ(truncate(path.c_str(), 5), 0);
  EXPECT_THAT((*file)->ReadAt(3, absl::MakeSpan(bytes)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("truncated")));
}

}  // namespace
}  // namespace firstlight
