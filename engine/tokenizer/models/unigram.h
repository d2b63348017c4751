#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_UNIGRAM_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_UNIGRAM_H_

// Model type "Unigram" of tokenizer.json: the segmentation of the highest total score. Equal to
// tokenizers/src/models/unigram/model.rs without sampling. (A sentencepiece model's own file is
// models/sentencepiece_unigram.h: other precision, kinds of pieces, order of fallbacks.)

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/image/table.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/models/token_model.h"

namespace firstlight {

class UnigramModel : public TokenModel {
 public:
  struct Options {
    // kNoId: a text with a character that no piece covers cannot be encoded.
    int32_t unk_id = Vocabulary::kNoId;
    // A text without a token becomes the tokens <0x00>…<0xFF> of its bytes, where all of those
    // exist.
    bool byte_fallback = false;
  };

  // `scores`: one for each id below vocabulary.size(), which are dense. Errors: INVALID_ARGUMENT
  // when unk_id is none of them.
  static absl::StatusOr<std::unique_ptr<const UnigramModel>> Create(Vocabulary vocabulary,
                                                                    std::vector<double> scores,
                                                                    Options options);
  static absl::StatusOr<std::unique_ptr<const UnigramModel>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override;

 private:
  UnigramModel(Vocabulary vocabulary, Table<double> scores, ByteTrie trie, Options options);

  bool IsUnknown(int32_t id) const;
  // What stands for `text`, a run of unknown characters.
  absl::Status AppendUnknown(std::string_view text, const TokenizeScratch& scratch,
                             std::vector<int32_t>& ids) const;

  const Vocabulary vocabulary_;
  const Table<double> scores_;  // [ids]
  const ByteTrie trie_;         // Every token that is not empty → id.
  const Options options_;
  double unknown_score_ = 0;
  std::array<int32_t, 256> fallback_ids_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_UNIGRAM_H_
