#ifndef FIRSTLIGHT_ENGINE_STOP_MATCHER_H_
#define FIRSTLIGHT_ENGINE_STOP_MATCHER_H_

// Finds where a text that arrives in pieces first completes one of a few stop sequences, and holds
// back what could still become part of one.
//
// The match is the one that completes first, whatever the pieces are; of several that complete at
// the same byte, the longest. Text is released up to where that match begins (or ends, when the
// stop sequence is included), so nothing of it was shown before. What is released is valid UTF-8
// when the pieces and the stop sequences are.
//
// Each byte costs a constant for each sequence (Knuth, Morris and Pratt, 1977), amortized; memory
// is four bytes for each byte of the sequences. Used by one thread at a time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

class StopMatcher {
 public:
  struct Released {
    std::string text;
    std::optional<std::string> stop_sequence;  // the one that matched: nothing follows
  };

  // REQUIRES: no sequence is empty.
  explicit StopMatcher(std::vector<std::string> stop_sequences, bool include_stop_sequence);

  // More text. While not `armed`, completed sequences are passed over (the minimum number of tokens
  // is not reached); one that began then and completes later counts. After a match the rest of
  // `piece` is dropped. REQUIRES: no match and no Flush so far.
  Released Append(std::string_view piece, bool armed);

  // The text held back, when no more comes.
  std::string Flush();

  int64_t held_bytes() const { return static_cast<int64_t>(held_.size()); }

 private:
  struct Pattern {
    std::string text;
    std::vector<int32_t> fallback;  // [n]: longest proper border of the first n + 1 bytes
    int32_t matched = 0;            // bytes of `text` that the input's end equals
  };

  // The pattern, if any, that `byte` completes: the longest.
  const Pattern* Advance(char byte);
  size_t LongestPartialMatch() const;

  std::vector<Pattern> patterns_;
  const bool include_stop_sequence_;
  std::string held_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_STOP_MATCHER_H_
