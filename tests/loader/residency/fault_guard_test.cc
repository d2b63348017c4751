#include "loader/residency/fault_guard.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <numeric>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

// Reads every byte, as compute does.
int64_t Sum(absl::Span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0}, [](int64_t sum, std::byte byte) {
    return sum + static_cast<int64_t>(byte);
  });
}

class FaultGuardTest : public ::testing::Test {
 protected:
  // A file of ones.
  std::shared_ptr<const MappedFile> MapOnes(const char* name, int64_t pages) const {
    auto file = MappedFile::Open(
        directory_.Write(name, std::string(static_cast<size_t>(pages * PageBytes()), '\1')));
    EXPECT_THAT(file, IsOk());
    return *file;
  }
  static void Truncate(const MappedFile& file, int64_t pages) {
    ASSERT_EQ(truncate(file.path().c_str(), pages * PageBytes()), 0);
  }

  const TemporaryDirectory directory_;
};

TEST_F(FaultGuardTest, ReadsZerosFromATruncatedFileAndSaysSo) {
  const auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  const auto file = MapOnes("weights", 10);
  const auto other = MapOnes("other", 10);
  EXPECT_THAT(file->CheckUnchanged(), IsOk());
  Truncate(*file, 4);
  EXPECT_EQ(Sum(file->bytes()), 4 * PageBytes());
  EXPECT_THAT(file->CheckUnchanged(),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::AllOf(HasSubstr("weights: expected"), HasSubstr("truncated"))));
  EXPECT_EQ(Sum(other->bytes()), 10 * PageBytes());
  EXPECT_THAT(other->CheckUnchanged(), IsOk());
}

TEST_F(FaultGuardTest, RemembersTheFirstFault) {
  const auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  const auto file = MapOnes("weights", 10);
  const absl::Span<const std::byte> bytes = file->bytes();
  // A second guard over the second half alone.
  const GuardedRange half(bytes.subspan(static_cast<size_t>(5 * PageBytes())));
  EXPECT_EQ(half.damage(), std::nullopt);
  Truncate(*file, 1);
  EXPECT_EQ(Sum(bytes.subspan(static_cast<size_t>(7 * PageBytes() + 3), 1)), 0);
  // The file's own guard comes first in the table.
  EXPECT_EQ(half.damage(), std::nullopt);
  EXPECT_EQ(Sum(bytes.subspan(static_cast<size_t>(2 * PageBytes()), 1)), 0);
  EXPECT_EQ(Sum(bytes.subspan(0, static_cast<size_t>(PageBytes()))), PageBytes())
      << "what is left of the file is read as it is";
}

TEST_F(FaultGuardTest, GuardsMappingsOfAnyKind) {
  const auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  const std::string path = WriteSparse(directory_, "image", 4 * PageBytes());
  const int descriptor = open(path.c_str(), O_RDONLY);
  const auto size = static_cast<size_t>(4 * PageBytes());
  void* const address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  ASSERT_NE(address, MAP_FAILED);
  close(descriptor);
  {
    const absl::Span<const std::byte> bytes(static_cast<const std::byte*>(address), size);
    const GuardedRange range(bytes);
    ASSERT_EQ(truncate(path.c_str(), 0), 0);
    EXPECT_EQ(Sum(bytes.subspan(static_cast<size_t>(2 * PageBytes() + 5))), 0);
    EXPECT_EQ(range.damage(), 2 * PageBytes() + 5);
    EXPECT_EQ(Sum(bytes), 0);
    EXPECT_EQ(range.damage(), 2 * PageBytes() + 5) << "the first fault is the one told";
  }
  munmap(address, size);
}

TEST_F(FaultGuardTest, ThreadsThatFaultTogetherAllGoOn) {
  const auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  const auto file = MapOnes("weights", 64);
  Truncate(*file, 0);
  std::vector<std::thread> threads;
  std::atomic<int64_t> sum = 0;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      // Each from a place of its own, backwards, so that each faults several times.
      for (int64_t page = 63 - thread; page >= 0; page -= 8) {
        sum += Sum(Pages(file, page, 1).bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 0);
  EXPECT_THAT(file->CheckUnchanged(), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
}

TEST_F(FaultGuardTest, MappingsComeAndGoWhileAnotherFaults) {
  const auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      const auto kept = MapOnes(thread == 0 ? "a" : "b", 1);
      while (!stop) {
        // More than one block of the table.
        std::vector<std::shared_ptr<const MappedFile>> files;
        for (int i = 0; i < 100; ++i) files.push_back(*MappedFile::Open(kept->path()));
      }
      EXPECT_THAT(kept->CheckUnchanged(), IsOk());
    });
  }
  for (int round = 0; round < 50; ++round) {
    const auto file = MapOnes("weights", 2);
    Truncate(*file, 1);
    EXPECT_EQ(Sum(file->bytes()), PageBytes());
    EXPECT_THAT(file->CheckUnchanged(), StatusIs(absl::StatusCode::kDataLoss, ::testing::_));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(FaultGuardTest, IsInstalledOnceAtATime) {
  auto guard = FaultGuard::Install();
  ASSERT_THAT(guard, IsOk());
  EXPECT_THAT(FaultGuard::Install(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("already")));
  guard->reset();
  EXPECT_THAT(FaultGuard::Install(), IsOk());
}

TEST_F(FaultGuardTest, GivesTheSignalBack) {
  struct sigaction before = {};
  sigaction(SIGBUS, nullptr, &before);
  {
    const auto guard = FaultGuard::Install();
  }
  struct sigaction after = {};
  sigaction(SIGBUS, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

using FaultGuardDeathTest = FaultGuardTest;

// As a program without sanitizers, whose own handlers would report the signal instead.
void UseDefaultAction() { signal(SIGBUS, SIG_DFL); }

TEST_F(FaultGuardDeathTest, AFaultOutsideOfGuardedRangesKills) {
  const std::string path = WriteSparse(directory_, "unguarded", PageBytes());
  const int descriptor = open(path.c_str(), O_RDONLY);
  const auto size = static_cast<size_t>(PageBytes());
  auto* const address =
      static_cast<const std::byte*>(mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0));
  ASSERT_NE(address, MAP_FAILED);
  close(descriptor);
  ASSERT_EQ(truncate(path.c_str(), 0), 0);
  EXPECT_EXIT(
      {
        UseDefaultAction();
        const auto guard = FaultGuard::Install();
        const auto guarded = MapOnes("guarded", 1);
        std::exit(static_cast<int>(Sum({address, size})));
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(FaultGuardDeathTest, ASignalThatWasSentKills) {
  EXPECT_EXIT(
      {
        UseDefaultAction();
        const auto guard = FaultGuard::Install();
        raise(SIGBUS);
        std::exit(0);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(FaultGuardDeathTest, WithoutAGuardATruncatedFileKills) {
  EXPECT_EXIT(
      {
        UseDefaultAction();
        const auto file = MapOnes("weights", 2);
        Truncate(*file, 1);
        std::exit(static_cast<int>(Sum(file->bytes()) % 2));
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace firstlight
