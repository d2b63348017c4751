#include "engine/tokenizer/text/text_range.h"

#include <algorithm>

namespace firstlight {

std::vector<TextRange> RangesWithin(absl::Span<const TextRange> ranges, TextRange within) {
  std::vector<TextRange> found;
  auto range = std::partition_point(ranges.begin(), ranges.end(), [&](const TextRange& other) {
    return other.end <= within.begin;
  });
  for (; range != ranges.end() && range->begin < within.end; ++range) {
    found.push_back({std::max(range->begin, within.begin) - within.begin,
                     std::min(range->end, within.end) - within.begin});
  }
  return found;
}

}  // namespace firstlight
