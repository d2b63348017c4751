#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_WORD_PIECE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_WORD_PIECE_H_

// Model types "WordPiece" and "WordLevel" of tokenizer.json. Equal to
// tokenizers/src/models/wordpiece/mod.rs and wordlevel/mod.rs.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/models/token_model.h"

namespace firstlight {

// The longest token that a piece begins with, then the longest that its rest begins with, and so
// on; the unknown token for the whole piece where there is none.
class WordPieceModel : public TokenModel {
 public:
  struct Options {
    std::string unk_token = "[UNK]";
    // In front of the tokens that do not begin a piece.
    std::string continuing_subword_prefix = "##";
    // A piece of more characters is unknown.
    uint64_t max_input_chars_per_word = 100;
  };

  // Errors: INVALID_ARGUMENT when the unknown token is not in `vocabulary`.
  static absl::StatusOr<std::unique_ptr<const WordPieceModel>> Create(Vocabulary vocabulary,
                                                                      const Options& options);
  static absl::StatusOr<std::unique_ptr<const WordPieceModel>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override;

 private:
  WordPieceModel(Vocabulary vocabulary, ByteTrie beginning, ByteTrie continuing, int32_t unk_id,
                 uint64_t max_characters);

  const Vocabulary vocabulary_;
  const ByteTrie beginning_;   // Every token → id.
  const ByteTrie continuing_;  // What follows the prefix in the tokens that have it → id.
  const int32_t unk_id_;
  const uint64_t max_characters_;
};

// A piece is a token or unknown.
class WordLevelModel : public TokenModel {
 public:
  // Errors: INVALID_ARGUMENT when the unknown token is not in `vocabulary`.
  static absl::StatusOr<std::unique_ptr<const WordLevelModel>> Create(Vocabulary vocabulary,
                                                                      std::string_view unk_token);
  static absl::StatusOr<std::unique_ptr<const WordLevelModel>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override { return sizeof(*this) + vocabulary_.memory_bytes(); }

 private:
  WordLevelModel(Vocabulary vocabulary, int32_t unk_id);

  const Vocabulary vocabulary_;
  const int32_t unk_id_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_WORD_PIECE_H_
