#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_ADDED_TOKENS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_ADDED_TOKENS_H_

// Tokens that are found in a text as a whole, before the model sees what lies between them:
// `added_tokens` of tokenizer.json and `added_tokens_decoder` of tokenizer_config.json. Equal to
// tokenizers/src/tokenizer/added_vocabulary.rs.
//
// Immutable once built; any thread may read it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/image/table.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/text_range.h"

namespace firstlight {

struct AddedToken {
  int64_t id = 0;
  std::string content;
  bool single_word = false;  // Not where a word character touches it.
  bool lstrip = false;       // Takes the whitespace before it along,
  bool rstrip = false;       // and the whitespace behind it.
  bool normalized = true;    // Found in the normalized text, not in the original.
  bool special = false;      // Skipped in decoding, forbidden in text by parse_special_tokens.
};

// In flat arrays, of which nothing is a pointer: an image is used in place.
class AddedTokens {
 public:
  // One of them, as long as the AddedTokens live.
  struct Token {
    int32_t id = -1;
    std::string_view content;
    // What it is looked for as, and decodes from: the content, normalized where AddedToken says so.
    std::string_view spelling;
    bool single_word = false;
    bool lstrip = false;
    bool rstrip = false;
    bool special = false;
  };

  // A stretch of a text: an added token, or what the model is to encode.
  struct Stretch {
    static constexpr int32_t kText = -1;

    TextRange range;
    int32_t token_id = kText;
  };

  // `normalizer`, which may be null, is applied to the content of normalized tokens. Errors:
  // INVALID_ARGUMENT for an id that is negative, too large or given to two tokens, or a content
  // that is too long or not UTF-8.
  static absl::StatusOr<std::unique_ptr<const AddedTokens>> Create(
      std::vector<AddedToken> tokens, const TextNormalizer* normalizer);

  struct FindOptions {
    // Which tokens are looked for: those of the normalized text, or of the original.
    bool normalized = false;
    // Special tokens count as text unless this is set.
    bool parse_special_tokens = true;
    // Special tokens are not looked for where they would take a byte of these: sorted, disjoint,
    // none empty. Whitespace that a token takes along may be theirs.
    absl::Span<const TextRange> forbidden_special_ranges = {};
  };

  // Appends the stretches of `text`, in order, none of them empty unless it is a token. Errors:
  // CANCELLED.
  absl::Status Find(std::string_view text, const FindOptions& options,
                    EncodeCancellation& cancellation, std::vector<Stretch>& stretches) const;

  // Nothing where there is none.
  std::optional<Token> WithId(int32_t id) const;
  std::optional<Token> WithContent(std::string_view content) const;

  // By ascending id.
  size_t size() const { return records_.size(); }
  Token operator[](size_t index) const;

  void Save(ImageWriter& image) const;
  static absl::StatusOr<std::unique_ptr<const AddedTokens>> Load(ImageReader& image);

  size_t memory_bytes() const;

 private:
  // A token: its texts are [content, spelling) and [spelling, end) of text_.
  struct Record {
    int32_t id = 0;
    uint32_t content = 0;
    uint32_t spelling = 0;
    uint32_t end = 0;
    uint32_t flags = 0;
  };

  AddedTokens() = default;

  // The length and the index of the token that begins at `position` of `text`, kNoValue if none
  // does. `next_forbidden`: the first of the forbidden ranges that does not end before it.
  std::pair<size_t, int32_t> Match(std::string_view text, size_t position,
                                   const FindOptions& options, size_t& next_forbidden) const;

  Table<Record> records_;  // By ascending id.
  Table<char> text_;
  // Content or what to look for → index in records_.
  ByteTrie by_content_;
  ByteTrie in_original_;
  ByteTrie in_normalized_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_ADDED_TOKENS_H_
