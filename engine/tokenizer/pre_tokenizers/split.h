#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_SPLIT_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_SPLIT_H_

// The pre-tokenizers that only cut: "Split" with a pattern, and those that cut by a property of
// characters ("Digits", "Whitespace", "WhitespaceSplit", "Punctuation").

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace firstlight {

// What becomes of a delimiter: the text that matched.
enum class SplitBehavior : uint8_t {
  kRemoved,             // it is dropped
  kIsolated,            // a piece of its own
  kMergedWithPrevious,  // the end of the piece before it
  kMergedWithNext,      // the start of the piece after it
  kContiguous,          // adjacent ones are one piece
  kLast = kContiguous
};

// Cuts the pieces of `text` at the matches of `pattern`, or at what lies between them if `invert`.
absl::Status SplitByPattern(const TextPattern& pattern, SplitBehavior behavior, bool invert,
                            PreTokenizedText& text, EncodeCancellation& cancellation);

// "Split".
std::unique_ptr<const PreTokenizer> SplitPreTokenizer(std::unique_ptr<const TextPattern> pattern,
                                                      SplitBehavior behavior, bool invert);

// "Digits": numeric characters, together or each alone.
std::unique_ptr<const PreTokenizer> DigitsPreTokenizer(bool individual_digits);

// "Punctuation".
std::unique_ptr<const PreTokenizer> PunctuationPreTokenizer(SplitBehavior behavior);

// "WhitespaceSplit": drops whitespace.
std::unique_ptr<const PreTokenizer> WhitespaceSplitPreTokenizer();

// "UnicodeScripts": runs of one script; spaces and characters without a script belong to the run
// before them, and vanish where there is none.
absl::StatusOr<std::unique_ptr<const PreTokenizer>> UnicodeScriptsPreTokenizer();

// "Whitespace": words and runs of other characters; drops whitespace.
std::unique_ptr<const PreTokenizer> WhitespacePreTokenizer();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_SPLIT_H_
