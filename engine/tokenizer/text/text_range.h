#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_TEXT_RANGE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_TEXT_RANGE_H_

// Stretches of a text, by their bytes.

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace firstlight {

// The bytes [begin, end) of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;

  friend bool operator==(const TextRange&, const TextRange&) = default;
};

// What of `ranges`, sorted and disjoint, lies within `within`, counted from its begin. Takes time
// for what it returns and the logarithm of the rest.
std::vector<TextRange> RangesWithin(absl::Span<const TextRange> ranges, TextRange within);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_TEXT_RANGE_H_
