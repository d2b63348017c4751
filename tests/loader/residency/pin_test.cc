#include "loader/residency/pin.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <string>

#include "gtest/gtest.h"
#include "loader/residency/page_table.h"
#include "tests/loader/residency/sparse_file.h"
#include "tests/loader/residency/unprivileged.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

class PinTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(FIRSTLIGHT_SANITIZE_ADDRESS) || defined(FIRSTLIGHT_SANITIZE_THREAD)
    GTEST_SKIP() << "sanitizers turn mlock into nothing";
#endif
  }
};

TEST_F(PinTest, KeepsBytesInMemoryAndCountsThem) {
  const TemporaryDirectory directory;
  const auto file = MapSparse(directory, "a", 10 * PageBytes());
  PinLimit limit(6 * PageBytes());
  {
    const auto pinned = PinnedPages::Pin(&limit, {Pages(file, 0, 4)});
    ASSERT_THAT(pinned, IsOk());
    EXPECT_EQ((*pinned)->bytes(), 4 * PageBytes());
    EXPECT_EQ(limit.pinned_bytes(), 4 * PageBytes());
    EXPECT_TRUE(PageTable().AllMapped(Pages(file, 0, 4).bytes));
    EXPECT_THAT(PinnedPages::Pin(&limit, {Pages(file, 5, 4)}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("limit of")));
    EXPECT_EQ(limit.pinned_bytes(), 4 * PageBytes());
  }
  EXPECT_EQ(limit.pinned_bytes(), 0);
}

TEST_F(PinTest, TellsThatTheFileHasShrunk) {
  const TemporaryDirectory directory;
  const auto file = MapSparse(directory, "a", 10 * PageBytes());
  ASSERT_EQ(truncate(file->path().c_str(), PageBytes()), 0);
  PinLimit limit(100 * PageBytes());
  EXPECT_THAT(PinnedPages::Pin(&limit, {Whole(file)}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("truncated")));
  EXPECT_EQ(limit.pinned_bytes(), 0);
}

TEST_F(PinTest, NamesTheSystemsLimit) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to become a user without privileges";
  const TemporaryDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  const std::string path = WriteSparse(directory, "a", 10 * PageBytes());
  EXPECT_EQ(RunUnprivileged([&path]() -> std::string {
              const auto page = static_cast<rlim_t>(PageBytes());
              const rlimit memlock = {.rlim_cur = page, .rlim_max = page};
              if (setrlimit(RLIMIT_MEMLOCK, &memlock) != 0) return "setrlimit";
              const auto file = MappedFile::Open(path);
              if (!file.ok()) return file.status().ToString();
              PinLimit limit(100 * PageBytes());
              const auto pinned = PinnedPages::Pin(&limit, {Whole(*file)});
              if (!absl::IsResourceExhausted(pinned.status())) return pinned.status().ToString();
              const std::string message(pinned.status().message());
              const std::string expected =
                  "RLIMIT_MEMLOCK is " + std::to_string(PageBytes()) + " bytes";
              if (message.find(expected) == std::string::npos) return message;
              return limit.pinned_bytes() == 0 ? "" : "the limit was not given back";
            }),
            "");
}

}  // namespace
}  // namespace firstlight
