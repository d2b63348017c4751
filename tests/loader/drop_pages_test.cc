#include "loader/drop_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/mapped_file.h"
#include "loader/residency/prefetch_pieces.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

// More than two of the pieces, and not a whole number of them.
const size_t kBytes = (size_t{40} << 20) + static_cast<size_t>(PageBytes());

TEST(DropPagesTest, FreesPrivateMemory) {
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 7, kBytes);
  // All but the last page.
  DropPages(memory, kBytes - static_cast<size_t>(PageBytes()));
  std::vector<unsigned char> in_memory(kBytes / static_cast<size_t>(PageBytes()));
  ASSERT_EQ(mincore(memory, kBytes, in_memory.data()), 0);
  EXPECT_EQ(std::ranges::count_if(in_memory, [](unsigned char page) { return (page & 1) != 0; }),
            1);
  EXPECT_EQ(in_memory.back() & 1, 1);
  const auto* const bytes = static_cast<const unsigned char*>(memory);
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[kBytes - 1], 7);
  munmap(memory, kBytes);
}

TEST(DropPagesTest, AFileReadsAsBefore) {
  const TemporaryDirectory directory;
  std::string content(kBytes + 5, 'x');
  content.back() = 'y';
  directory.Write("file", content);
  const auto file = MappedFile::Open(directory.File("file"));
  ASSERT_THAT(file, IsOk());
  const absl::Span<const std::byte> bytes = (*file)->bytes();
  EXPECT_EQ(bytes.back(), std::byte{'y'});
  DropPages(bytes.data(), bytes.size());
  EXPECT_EQ(std::memcmp(bytes.data(), content.data(), content.size()), 0);
}

}  // namespace
}  // namespace firstlight
