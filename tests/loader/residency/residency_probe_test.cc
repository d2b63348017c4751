#include "loader/residency/residency_probe.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "loader/residency/mapped_page_reader.h"
#include "loader/residency/release.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/residency/unprivileged.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

// Samples are long enough for whatever machine runs this: what is tested is what they find.
ResidencyProbe::Options Patient(int64_t max_pages = 4096) {
  return {.max_pages = max_pages, .max_time = absl::InfiniteDuration()};
}

class ResidencyProbeTest : public ::testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::unique_ptr<PageReader> reader_ = NewMappedPageReader();
};

// Longer than any read-ahead, of which the page cache gets more than was asked for.
constexpr int64_t kLongPages = 20000;
// A fault maps up to the next multiple of 16 pages as well, where they are in the page cache.
constexpr int64_t kSomePages = 128;

TEST_F(ResidencyProbeTest, MappedIsNotResident) {
  const auto file = MapSparse(directory_, "a", kLongPages * PageBytes());
  const ResidencyProbe probe(Patient(kLongPages));
  const ResidencySample before = probe.Sample({Whole(file)});
  EXPECT_EQ(before.bytes, kLongPages * PageBytes());
  EXPECT_EQ(before.sampled_bytes, before.bytes);
  EXPECT_EQ(before.mapped_bytes, 0);
  EXPECT_EQ(before.resident_bytes, 0);
  EXPECT_NE(before.method, PageCacheMethod::kNone) << "the file is this process's own";
  // Through the page cache alone, then through the page tables as well.
  std::vector<std::byte> bytes(static_cast<size_t>(400 * PageBytes()));
  ASSERT_THAT(file->ReadAt(0, absl::MakeSpan(bytes)), IsOk());
  EXPECT_EQ(probe.Sample({Whole(file)}).mapped_bytes, 0);
  ASSERT_THAT(reader_->Populate({Pages(file, 0, kSomePages)}), IsOk());
  const ResidencySample after = probe.Sample({Whole(file)});
  EXPECT_EQ(after.mapped_bytes, kSomePages * PageBytes());
  EXPECT_GE(after.resident_bytes, 400 * PageBytes());
  EXPECT_LT(after.resident_bytes, after.bytes);
}

TEST_F(ResidencyProbeTest, MincoreAndCachestatAgree) {
  const auto file = MapSparse(directory_, "a", kLongPages * PageBytes());
  ASSERT_THAT(reader_->Populate({Pages(file, 300, kSomePages)}), IsOk());
  const auto by_mincore = CountResident(*file, file->bytes(), PageCacheMethod::kMincore);
  ASSERT_TRUE(by_mincore.has_value());
  EXPECT_GE(*by_mincore, kSomePages);
  EXPECT_LT(*by_mincore, kLongPages);
  if (PageCacheMethodFor(*file) != PageCacheMethod::kCachestat) {
    GTEST_SKIP() << "this kernel has no cachestat";
  }
  EXPECT_EQ(CountResident(*file, file->bytes(), PageCacheMethod::kCachestat), by_mincore);
}

// The page cache keeps a file that was read ahead in folios of many pages; cachestat may count all
// of one for a range that holds a single page of it.
TEST_F(ResidencyProbeTest, APageOfALargeFolioIsOnePage) {
  constexpr int64_t kPages = 2048;
  const auto file = MapSparse(directory_, "a", kPages * PageBytes());
  ASSERT_EQ(posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_WILLNEED), 0);
  std::vector<std::byte> bytes(file->bytes().size());
  ASSERT_THAT(file->ReadAt(0, absl::MakeSpan(bytes)), IsOk());
  const PageCacheMethod method = PageCacheMethodFor(*file);
  for (int64_t page = 0; page < kPages; ++page) {
    const absl::Span<const std::byte> one = file->bytes().subspan(
        static_cast<size_t>(page * PageBytes()), static_cast<size_t>(PageBytes()));
    ASSERT_EQ(CountResident(*file, one, method), 1) << page;
  }
}

TEST_F(ResidencyProbeTest, CountsAPageOnceAndRangesApart) {
  const auto file = MapSparse(directory_, "a", 1000 * PageBytes());
  ASSERT_THAT(reader_->Populate({Pages(file, 0, 10)}), IsOk());
  const ResidencyProbe probe(Patient());
  const ResidencySample sample =
      probe.Sample({Pages(file, 0, 5), Pages(file, 3, 3), Pages(file, 500, 6)});
  EXPECT_EQ(sample.bytes, 12 * PageBytes());
  EXPECT_EQ(sample.sampled_bytes, sample.bytes);
  EXPECT_EQ(sample.mapped_bytes, 6 * PageBytes());
}

TEST_F(ResidencyProbeTest, ASampleIsOfTheWholeAndBounded) {
  const int64_t pages = 100000;
  const auto file = MapSparse(directory_, "a", pages * PageBytes());
  // Three quarters, in one place.
  ASSERT_THAT(reader_->Populate({Pages(file, 0, pages * 3 / 4)}), IsOk());
  const ResidencyProbe probe(Patient(1024));
  const ResidencySample sample = probe.Sample({Whole(file)});
  EXPECT_LE(sample.sampled_bytes, 1024 * PageBytes());
  EXPECT_GE(sample.sampled_bytes, 1000 * PageBytes());
  // One run in each of 128 stretches: at most the one stretch on the border is told wrongly.
  EXPECT_NEAR(static_cast<double>(*sample.mapped_bytes), 0.75 * static_cast<double>(sample.bytes),
              static_cast<double>(sample.bytes) / 128);
  EXPECT_EQ(probe.Sample({Whole(file)}).mapped_bytes, sample.mapped_bytes) << "the seed decides";
}

// Who asks whether all is mapped compares with 1: the share is of what the sample stands for, not
// of the pages looked at.
TEST_F(ResidencyProbeTest, SharesAreOfTheWholeHoweverLittleWasLookedAt) {
  const int64_t pages = 100000;
  const auto file = MapSparse(directory_, "a", pages * PageBytes());
  const ResidencyProbe probe(Patient(1024));
  EXPECT_EQ(probe.Sample({Whole(file)}).mapped_share(), 0.0);
  ASSERT_THAT(reader_->Populate({Pages(file, 0, pages / 2)}), IsOk());
  EXPECT_NEAR(probe.Sample({Whole(file)}).mapped_share().value_or(-1), 0.5, 1.0 / 128);
  ASSERT_THAT(reader_->Populate({Whole(file)}), IsOk());
  const ResidencySample all = probe.Sample({Whole(file)});
  ASSERT_LT(all.sampled_bytes, all.bytes);
  EXPECT_EQ(all.mapped_share(), 1.0);
  EXPECT_EQ(all.resident_share(), 1.0);
  // One run alone.
  const ResidencyProbe hasty({.max_pages = 4096, .max_time = absl::ZeroDuration()});
  EXPECT_EQ(hasty.Sample({Whole(file)}).mapped_share(), 1.0);
  EXPECT_EQ(probe.Sample({}).mapped_share(), std::nullopt);
}

TEST_F(ResidencyProbeTest, ASampleCutShortIsOfTheWholeStill) {
  const int64_t pages = 100000;
  const auto file = MapSparse(directory_, "a", pages * PageBytes());
  ASSERT_THAT(reader_->Populate({Pages(file, 0, pages / 2)}), IsOk());
  // No time at all: one run, and an answer.
  const ResidencyProbe probe({.max_pages = 4096, .max_time = absl::ZeroDuration()});
  const ResidencySample sample = probe.Sample({Whole(file)});
  EXPECT_EQ(sample.sampled_bytes, 8 * PageBytes());
  EXPECT_TRUE(sample.mapped_bytes.has_value());
}

TEST_F(ResidencyProbeTest, NothingIsAllThere) {
  const ResidencySample sample = ResidencyProbe(Patient()).Sample({});
  EXPECT_EQ(sample.bytes, 0);
  EXPECT_EQ(sample.mapped_bytes, 0);
  EXPECT_EQ(sample.resident_bytes, 0);
}

TEST_F(ResidencyProbeTest, NamesItsMethod) {
  const ResidencyProbe probe;
  EXPECT_EQ(probe.MethodName(PageCacheMethod::kCachestat), "pagemap+cachestat");
  EXPECT_EQ(probe.MethodName(PageCacheMethod::kMincore), "pagemap+mincore");
  EXPECT_EQ(probe.MethodName(PageCacheMethod::kNone), "pagemap");
}

// What a server in a correct container sees: a file that it may only read.
TEST_F(ResidencyProbeTest, AnUnprivilegedUserIsToldWhatIsMappedAndNothingWrong) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to make a file that another user owns";
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  const std::string path = WriteSparse(directory_, "a", 1000 * PageBytes());
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(RunUnprivileged([&path]() -> std::string {
              const auto file = MappedFile::Open(path);
              if (!file.ok()) return file.status().ToString();
              if (!NewMappedPageReader()->Populate({Pages(*file, 0, kSomePages)}).ok()) {
                return "populate";
              }
              // The trap: the kernel's answer is that everything is there.
              const auto lie = CountResident(**file, (*file)->bytes(), PageCacheMethod::kMincore);
              if (lie != 1000) return "this kernel's mincore does not lie; revise page_cache.h";
              const ResidencyProbe probe(Patient());
              const ResidencySample sample = probe.Sample({Whole(*file)});
              if (sample.mapped_bytes != kSomePages * PageBytes()) {
                return absl::StrCat("mapped: ", sample.mapped_bytes.value_or(-1));
              }
              if (sample.resident_bytes.has_value()) {
                return absl::StrCat("resident: ", *sample.resident_bytes);
              }
              return probe.MethodName(sample.method) == "pagemap" ? "" : "method";
            }),
            "");
}

TEST_F(ResidencyProbeTest, AnUnprivilegedOwnerIsToldWhatIsResident) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  const std::string path = WriteSparse(directory_, "a", 1000 * PageBytes());
  ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  EXPECT_EQ(RunUnprivileged([&path]() -> std::string {
              const auto file = MappedFile::Open(path);
              if (!file.ok()) return file.status().ToString();
              const ResidencySample sample = ResidencyProbe(Patient()).Sample({Whole(*file)});
              return sample.resident_bytes == 0 ? "" : "resident";
            }),
            "");
}

// Giving pages back.
TEST_F(ResidencyProbeTest, ReleasingUnmapsAndUncaches) {
  const auto file = MapSparse(directory_, "a", 1000 * PageBytes());
  ASSERT_THAT(reader_->Populate({Whole(file)}), IsOk());
  const ReleasedBytes released = ReleasePages({Pages(file, 0, 500)});
  EXPECT_EQ(released.bytes, 500 * PageBytes());
  EXPECT_EQ(released.unmapped, 500 * PageBytes());
  EXPECT_GT(released.uncached, 0);
  const ResidencySample sample = ResidencyProbe(Patient()).Sample({Whole(file)});
  EXPECT_EQ(sample.mapped_bytes, 500 * PageBytes());
  EXPECT_LT(sample.resident_bytes, 1000 * PageBytes());
  EXPECT_EQ(file->bytes()[0], std::byte{0}) << "the mapping is there still";
}

TEST_F(ResidencyProbeTest, ReleasingWorksOnAFileOfSomebodyElse) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to make a file that another user owns";
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  const auto ours = MapSparse(directory_, "a", 1000 * PageBytes());
  ASSERT_EQ(chmod(ours->path().c_str(), 0644), 0);
  EXPECT_EQ(RunUnprivileged([&ours]() -> std::string {
              const auto file = MappedFile::Open(ours->path());
              if (!file.ok()) return file.status().ToString();
              if (!NewMappedPageReader()->Populate({Whole(*file)}).ok()) return "populate";
              const ReleasedBytes released = ReleasePages({Whole(*file)});
              if (released.uncached.has_value()) return "uncached cannot be known";
              return released.unmapped == 1000 * PageBytes() ? "" : "unmapped";
            }),
            "");
  // The owner sees what the kernel did not tell the other user.
  EXPECT_LT(CountResident(*ours, ours->bytes(), PageCacheMethodFor(*ours)), 500);
}

}  // namespace
}  // namespace firstlight
