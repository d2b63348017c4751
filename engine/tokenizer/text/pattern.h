#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_H_

// What a tokenizer searches a text for: a literal string or a regular expression (PCRE2, compiled
// to machine code where the system allows that, interpreted where it does not).
//
// Immutable and shared by threads. A pattern from a file is untrusted: its size and nesting are
// bounded when it is compiled, its backtracking and memory when it runs.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/text_range.h"

namespace firstlight {

class TextPattern {
 public:
  // Matches `literal`, character for character.
  static std::unique_ptr<const TextPattern> Literal(std::string_view literal);

  // Matches the regular expression `oniguruma`, in the language of tokenizer.json's patterns
  // (pattern_translation.h). Errors: INVALID_ARGUMENT when it is malformed or over a limit,
  // UNIMPLEMENTED when it has a construct that is not.
  static absl::StatusOr<std::unique_ptr<const TextPattern>> Regex(std::string_view oniguruma);

  virtual ~TextPattern() = default;

  // Appends all matches in `text`, in order and without overlap, leftmost first. An empty match
  // counts, except right behind the match before it (Oniguruma's iteration). REQUIRES: `text` is
  // valid UTF-8. Errors: those of `cancellation`; RESOURCE_EXHAUSTED when one match
  // backtracks beyond its limit. Asks `cancellation` about every second however bad the pattern is.
  virtual absl::Status FindAll(std::string_view text, EncodeCancellation& cancellation,
                               std::vector<TextRange>& matches) const = 0;

  // No match is shorter; 0 where one may be empty.
  virtual size_t shortest_match_bytes() const = 0;

  // Whether a match may backtrack: a literal's search takes no longer than its text is.
  bool is_regex() const { return tag_ == PatternTag::kRegex; }

  void Save(ImageWriter& image) const;
  // A regular expression is compiled anew. Errors: that the reader failed, or as Regex.
  static absl::StatusOr<std::unique_ptr<const TextPattern>> Load(ImageReader& image);

 protected:
  TextPattern(PatternTag tag, std::string_view source) : tag_(tag), source_(source) {}

  // What it was made from.
  const std::string& source() const { return source_; }

 private:
  const PatternTag tag_;
  const std::string source_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_PATTERN_H_
