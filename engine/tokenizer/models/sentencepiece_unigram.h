#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_UNIGRAM_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_UNIGRAM_H_

// Model type UNIGRAM of sentencepiece: the segmentation of the highest total score. Equal to the
// library's EncodeOptimized (src/unigram_model.cc), which cannot be cancelled.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/models/sentencepiece_pieces.h"
#include "engine/tokenizer/models/token_model.h"

namespace firstlight {

class SentencePieceUnigram : public TokenModel {
 public:
  explicit SentencePieceUnigram(std::shared_ptr<const SentencePiecePieces> pieces);
  static absl::StatusOr<std::unique_ptr<const SentencePieceUnigram>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return pieces_->vocabulary; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override;

 private:
  SentencePieceUnigram(std::shared_ptr<const SentencePiecePieces> pieces, ByteTrie trie,
                       float unknown_score, float max_score)
      : pieces_(std::move(pieces)),
        trie_(std::move(trie)),
        unknown_score_(unknown_score),
        max_score_(max_score) {}

  // In the library's own mix of precisions: ties depend on it.
  double PieceScore(int32_t id, size_t length) const {
    return pieces_->kinds[id] == PieceKind::kUserDefined
               ? static_cast<double>(static_cast<float>(length) * max_score_) - 0.1
               : static_cast<double>(pieces_->scores[id]);
  }

  const std::shared_ptr<const SentencePiecePieces> pieces_;
  ByteTrie trie_;
  float unknown_score_ = 0;
  float max_score_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_UNIGRAM_H_
