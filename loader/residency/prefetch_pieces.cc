#include "loader/residency/prefetch_pieces.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <map>

namespace firstlight {
namespace {

constexpr size_t kMaxRangesOfPiece = 64;

struct Extent {
  int64_t begin = 0;  // bytes from the start of the file, both on page boundaries but at its end
  int64_t end = 0;
};

struct FileExtents {
  const MappedFile* file = nullptr;
  std::vector<Extent> extents;
};

// Sorts and joins.
std::vector<Extent> Joined(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  std::vector<Extent> joined;
  for (const Extent& extent : extents) {
    if (!joined.empty() && extent.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, extent.end);
    } else {
      joined.push_back(extent);
    }
  }
  return joined;
}

std::vector<FileExtents> ExtentsOf(absl::Span<const ByteRange> ranges) {
  const int64_t page = PageBytes();
  std::vector<FileExtents> files;
  std::map<const MappedFile*, size_t> index;
  for (const ByteRange& range : ranges) {
    if (range.file == nullptr || range.bytes.empty()) continue;
    const auto [place, is_new] = index.try_emplace(range.file, files.size());
    if (is_new) files.push_back({.file = range.file, .extents = {}});
    const int64_t begin = range.bytes.data() - range.file->bytes().data();
    const int64_t end = begin + static_cast<int64_t>(range.bytes.size());
    const int64_t file_end = static_cast<int64_t>(range.file->bytes().size());
    files[place->second].extents.push_back(
        {begin / page * page, std::min((end + page - 1) / page * page, file_end)});
  }
  for (FileExtents& file : files) file.extents = Joined(std::move(file.extents));
  return files;
}

ByteRange RangeOf(const MappedFile* file, int64_t begin, int64_t end) {
  return {
      .bytes = file->bytes().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
      .file = file};
}

}  // namespace

int64_t PageBytes() {
  static const int64_t bytes = sysconf(_SC_PAGESIZE);
  return bytes;
}

std::vector<ByteRange> WholePages(absl::Span<const ByteRange> ranges) {
  std::vector<ByteRange> whole;
  for (const FileExtents& file : ExtentsOf(ranges)) {
    for (const Extent& extent : file.extents) {
      whole.push_back(RangeOf(file.file, extent.begin, extent.end));
    }
  }
  return whole;
}

std::vector<PrefetchPiece> CutIntoPieces(absl::Span<const ByteRange> ranges, int64_t piece_bytes) {
  std::vector<PrefetchPiece> pieces;
  for (const FileExtents& file : ExtentsOf(ranges)) {
    PrefetchPiece piece;
    const auto finish_piece = [&pieces, &piece] {
      if (!piece.ranges.empty()) pieces.push_back(std::move(piece));
      piece = {};
    };
    for (const Extent& extent : file.extents) {
      for (int64_t begin = extent.begin; begin < extent.end;) {
        const int64_t end = std::min(extent.end, begin + piece_bytes - piece.bytes);
        piece.ranges.push_back(RangeOf(file.file, begin, end));
        piece.bytes += end - begin;
        // The last page of a file may be short of one: what is left of the piece is then less than
        // a page, and no range may begin inside one.
        if (piece_bytes - piece.bytes < PageBytes() || piece.ranges.size() == kMaxRangesOfPiece) {
          finish_piece();
        }
        begin = end;
      }
    }
    finish_piece();
  }
  return pieces;
}

}  // namespace firstlight
