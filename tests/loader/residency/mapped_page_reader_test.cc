#include "loader/residency/mapped_page_reader.h"

#include <sys/sysmacros.h>

#include <string>

#include "gtest/gtest.h"
#include "loader/residency/page_table.h"
#include "loader/residency/storage.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

class MappedPageReaderTest : public ::testing::TestWithParam<MappedPageReaderOptions> {
 protected:
  const TemporaryDirectory directory_;
  const std::unique_ptr<PageReader> reader_ = NewMappedPageReader(GetParam());
};

TEST_P(MappedPageReaderTest, BringsPagesInAndMapsThem) {
  const auto file = MapSparse(directory_, "a", 100 * PageBytes());
  const PageTable page_table;
  ASSERT_TRUE(page_table.available());
  ASSERT_EQ(page_table.CountMapped(file->bytes()), 0);
  const std::vector<ByteRange> ranges = {Pages(file, 0, 40), Pages(file, 60, 1)};
  const auto cost = reader_->Populate(ranges);
  ASSERT_THAT(cost, IsOk());
  EXPECT_EQ(cost->bytes_populated, 41 * PageBytes());
  // Without MADV_POPULATE_READ they are left to whoever touches them.
  const bool maps = !GetParam().without_populate;
  EXPECT_EQ(page_table.AllMapped(ranges[0].bytes), maps);
  EXPECT_EQ(page_table.AllMapped(ranges[1].bytes), maps);
  EXPECT_FALSE(page_table.AllMapped(Pages(file, 90, 10).bytes));
}

TEST_P(MappedPageReaderTest, TellsThatTheFileHasShrunk) {
  const auto file = MapSparse(directory_, "weights", 100 * PageBytes());
  ASSERT_THAT(reader_->Populate({Pages(file, 0, 10)}), IsOk());
  ASSERT_EQ(truncate(file->path().c_str(), 20 * PageBytes()), 0);
  EXPECT_THAT(reader_->Populate({Pages(file, 10, 10)}), IsOk()) << "these are there still";
  EXPECT_THAT(reader_->Populate({Pages(file, 10, 20)}),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::AllOf(HasSubstr("weights: expected"), HasSubstr("truncated"))));
}

TEST_P(MappedPageReaderTest, KeepsReadingAFileThatIsDeleted) {
  const auto file = MapSparse(directory_, "a", 100 * PageBytes());
  ASSERT_EQ(unlink(file->path().c_str()), 0);
  EXPECT_THAT(reader_->Populate({Whole(file)}), IsOk());
}

INSTANTIATE_TEST_SUITE_P(Kernels, MappedPageReaderTest,
                         ::testing::Values(MappedPageReaderOptions{},
                                           MappedPageReaderOptions{.without_populate = true},
                                           MappedPageReaderOptions{.sequential = true}),
                         [](const ::testing::TestParamInfo<MappedPageReaderOptions>& options) {
                           return std::string(options.param.without_populate ? "WithoutPopulate"
                                              : options.param.sequential     ? "Sequential"
                                                                             : "Populate");
                         });

TEST(MappedPageReaderCostTest, WhatIsThereAlreadyCostsNoFault) {
  const TemporaryDirectory directory;
  const auto file = MapSparse(directory, "a", 100 * PageBytes());
  for (const bool sequential : {false, true}) {
    const std::unique_ptr<PageReader> reader = NewMappedPageReader({.sequential = sequential});
    ASSERT_THAT(reader->Populate({Whole(file)}), IsOk());
    const auto again = reader->Populate({Whole(file)});
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->bytes_populated, 100 * PageBytes());
    EXPECT_EQ(again->major_faults, 0);
    EXPECT_EQ(again->bytes_read.value_or(0), 0);
  }
}

TEST(StorageTest, NetworkAndFuseWantSequentialReads) {
  EXPECT_TRUE(WantsSequentialReads(0x65735546));   // FUSE
  EXPECT_TRUE(WantsSequentialReads(0x6969));       // NFS
  EXPECT_FALSE(WantsSequentialReads(0xEF53));      // ext4
  EXPECT_FALSE(WantsSequentialReads(0x01021994));  // tmpfs
  EXPECT_FALSE(WantsSequentialReads(0x794C7630));  // overlayfs
}

TEST(StorageTest, ReadAheadIsTheDevices) {
  const TemporaryDirectory root;
  const auto file = MapSparse(root, "file", 100);
  EXPECT_EQ(StorageOfFile(*file, root.path() + "/").read_ahead_kib, std::nullopt);
  const uint64_t device = file->identity().device;
  root.Write("sys/class/bdi/" + std::to_string(major(device)) + ":" +
                 std::to_string(minor(device)) + "/read_ahead_kb",
             "128\n");
  const Storage storage = StorageOfFile(*file, root.path() + "/");
  EXPECT_EQ(storage.read_ahead_kib, 128);
  EXPECT_EQ(storage.device, device);
}

}  // namespace
}  // namespace firstlight
