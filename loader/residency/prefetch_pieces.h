#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_PIECES_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_PIECES_H_

// Cuts the byte ranges of a stage into what one thread reads at a time. Pure.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

// Ranges of one file: whole pages, apart, ascending.
struct PrefetchPiece {
  std::vector<ByteRange> ranges;
  int64_t bytes = 0;
};

// Whole pages of each file (its last one cut at the file's end), ranges that touch or overlap made
// one, then cut after `piece_bytes`; of small ranges (rows of an embedding), at most 64 make a
// piece, so that several threads share them. Files in the order of their first range, each
// ascending. Ranges without a file are left out. REQUIRES: piece_bytes is a multiple of the page
// size.
std::vector<PrefetchPiece> CutIntoPieces(absl::Span<const ByteRange> ranges, int64_t piece_bytes);

// The same ranges as whole pages, apart and ascending within each file.
std::vector<ByteRange> WholePages(absl::Span<const ByteRange> ranges);

// The system's.
int64_t PageBytes();

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PREFETCH_PIECES_H_
