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
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/pattern.h"

namespace firstlight {

struct AddedToken {
  int64_t id = 0;
  std::string content;
  bool single_word = false;  // Not where a word character touches it.
  bool lstrip = false;       // Takes the whitespace before it along,
  bool rstrip = false;       // and the whitespace behind it.
  bool normalized = true;    // Found in the normalized text, not in the original.
  bool special = false;      // Skipped in decoding, forbidden in text by parse_special_tokens.
  // What it is looked for as, and decodes from: the content, normalized where `normalized` says so.
  // Set by AddedTokens.
  std::string spelling = {};
};

class AddedTokens {
 public:
  // A stretch of a text: an added token, or what the model is to encode.
  struct Stretch {
    TextRange range;
    const AddedToken* token = nullptr;
  };

  // `normalizer`, which may be null, is applied to the content of normalized tokens. Errors:
  // INVALID_ARGUMENT for an id that is negative, too large or given to two tokens, or a content
  // that is too long or not UTF-8.
  static absl::StatusOr<std::unique_ptr<const AddedTokens>> Create(
      std::vector<AddedToken> tokens, const TextNormalizer* normalizer);

  // Appends the stretches of `text`, in order, none of them empty unless it is a token.
  // `normalized` says which tokens are looked for. Special tokens count as text unless
  // `parse_special_tokens`. Errors: CANCELLED.
  absl::Status Find(std::string_view text, bool normalized, bool parse_special_tokens,
                    Cancellation& cancellation, std::vector<Stretch>& stretches) const;

  // Null where there is none.
  const AddedToken* WithId(int32_t id) const;
  const AddedToken* WithContent(std::string_view content) const;

  // By ascending id.
  const std::vector<AddedToken>& tokens() const { return tokens_; }

  size_t memory_bytes() const;

 private:
  AddedTokens() = default;

  std::vector<AddedToken> tokens_;
  std::unordered_map<int32_t, size_t> by_id_;
  std::unordered_map<std::string_view, size_t> by_content_;
  // What to look for → index in tokens_.
  ByteTrie in_original_;
  ByteTrie in_normalized_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_ADDED_TOKENS_H_
