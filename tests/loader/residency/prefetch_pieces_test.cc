#include "loader/residency/prefetch_pieces.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/loader/residency/sparse_file.h"

namespace firstlight {
namespace {

class PrefetchPiecesTest : public ::testing::Test {
 protected:
  // [first page, page count] of each range of each piece.
  using Cut = std::vector<std::vector<std::pair<int64_t, int64_t>>>;
  static Cut Describe(const std::vector<PrefetchPiece>& pieces) {
    Cut cut;
    for (const PrefetchPiece& piece : pieces) {
      int64_t bytes = 0;
      cut.emplace_back();
      for (const ByteRange& range : piece.ranges) {
        const int64_t offset = range.bytes.data() - range.file->bytes().data();
        const auto size = static_cast<int64_t>(range.bytes.size());
        EXPECT_EQ(offset % PageBytes(), 0);
        cut.back().emplace_back(offset / PageBytes(), (size + PageBytes() - 1) / PageBytes());
        bytes += size;
      }
      EXPECT_EQ(piece.bytes, bytes);
    }
    return cut;
  }

  const TemporaryDirectory directory_;
  const int64_t page_ = PageBytes();
};

TEST_F(PrefetchPiecesTest, JoinsWhatTouchesAndRoundsToPages) {
  const auto file = MapSparse(directory_, "a", 100 * page_);
  const std::vector<ByteRange> ranges = {
      Bytes(file, 5 * page_ + 7, 10), Bytes(file, 1, 2 * page_),  // pages 0 to 2
      Bytes(file, 5 * page_ + 100, page_), Bytes(file, 3 * page_, page_)};
  EXPECT_EQ(Describe(CutIntoPieces(ranges, 16 * page_)), (Cut{{{0, 4}, {5, 2}}}));
}

TEST_F(PrefetchPiecesTest, CutsLongRangesAndFillsPieces) {
  const auto file = MapSparse(directory_, "a", 100 * page_);
  EXPECT_EQ(Describe(CutIntoPieces({Pages(file, 0, 10), Pages(file, 50, 3)}, 4 * page_)),
            (Cut{{{0, 4}}, {{4, 4}}, {{8, 2}, {50, 2}}, {{52, 1}}}));
}

TEST_F(PrefetchPiecesTest, EndsWithTheFile) {
  const auto file = MapSparse(directory_, "a", 4 * page_ + 10);
  const std::vector<PrefetchPiece> pieces = CutIntoPieces({Whole(file)}, 16 * page_);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].bytes, 4 * page_ + 10);
  // The short page leaves less than a page of its piece, which another range must not begin in.
  EXPECT_EQ(Describe(CutIntoPieces({Whole(file)}, 5 * page_)), (Cut{{{0, 5}}}));
}

TEST_F(PrefetchPiecesTest, SharesSmallRangesOutAndKeepsFilesApart) {
  const auto a = MapSparse(directory_, "a", 1000 * page_);
  const auto b = MapSparse(directory_, "b", 10 * page_);
  std::vector<ByteRange> ranges;
  for (int64_t i = 0; i < 100; ++i) ranges.push_back(Pages(a, 2 * i, 1));
  ranges.push_back(Pages(b, 0, 1));
  const std::vector<PrefetchPiece> pieces = CutIntoPieces(ranges, 4096 * page_);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].ranges.size(), 64u);
  EXPECT_EQ(pieces[1].ranges.size(), 36u);
  EXPECT_EQ(pieces[2].ranges[0].file, b.get());
}

TEST_F(PrefetchPiecesTest, LeavesOutMemoryWithoutAFile) {
  const std::vector<std::byte> memory(10);
  EXPECT_TRUE(CutIntoPieces({ByteRange{.bytes = memory, .file = nullptr}}, page_).empty());
}

}  // namespace
}  // namespace firstlight
